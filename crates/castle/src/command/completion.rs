//! `castle completion`: a completion script on stdout.

use crate::Arguments;
use crate::failure::Failure;
use clap::CommandFactory;
use clap_complete::Shell;

const EXAMPLES: &str = "\
Examples:
  castle completion bash > /etc/bash_completion.d/castle
  castle completion zsh > \"${fpath[1]}/_castle\"
  castle completion fish > ~/.config/fish/completions/castle.fish";

#[derive(clap::Args)]
#[command(before_help = EXAMPLES)]
pub(crate) struct Args {
    /// For which shell
    shell: Shell,
}

pub(crate) fn run(args: Args) -> Result<(), Failure> {
    clap_complete::generate(args.shell, &mut Arguments::command(), "castle", &mut std::io::stdout());
    Ok(())
}
