//! `castle dev --nodes N`: the parent of the nodes. It starts each as a process of its own, lays the wires
//! between them, does what it is told over the socket in the data directory, and stops them in order.
//!
//! A node that dies is told, not started again: to see what happens then is what such a cluster is for.

use super::child::{self, FromNode, Process};
use super::node::{self, Said};
use super::orders::{self, Asked, NodeStatus, Order, Outcome};
use super::plan::{self, Detour, Number, Plan, Wanted};
use super::wires::{Wire, Wires};
use crate::command::run;
use crate::failure::{Code, Failure};
use rustix::process::Signal;
use serde_json::json;
use server::{DirectoryLock, Notice, Notices};
use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread;
use std::time::{Duration, Instant};

/// What the parent waits for.
enum Event {
    Node(FromNode),
    Asked(Asked),
    Interrupted,
}

/// Events that wait; whoever brings more waits as well.
const EVENTS: usize = 64;

/// How long a node may take to hand over what it leads, and to stop.
const STOP_PATIENCE: Duration = Duration::from_secs(30);

struct Cluster {
    data: PathBuf,
    plan: Plan,
    wires: Wires,
    nodes: BTreeMap<Number, Node>,
    events: SyncSender<Event>,
    heard: Receiver<Event>,
    /// Counts processes, so that late words of an old one are known for what they are.
    life: u64,
    cluster_id: Option<String>,
}

#[derive(Default)]
struct Node {
    process: Option<Process>,
    state: State,
    /// Told when the node serves clients, or when it has ended.
    waiting: Vec<SyncSender<Outcome>>,
}

#[derive(Clone, PartialEq, Eq, Debug, Default)]
enum State {
    #[default]
    Stopped,
    Starting,
    Running,
    /// Frozen; whether it served clients before.
    Paused(bool),
    /// It is to end: in order, or by force.
    Ending,
    Died(String),
}

impl State {
    fn text(&self) -> String {
        match self {
            State::Stopped => "stopped".to_owned(),
            State::Starting => "starting".to_owned(),
            State::Running => "running".to_owned(),
            State::Paused(_) => "paused".to_owned(),
            State::Ending => "ending".to_owned(),
            State::Died(cause) => format!("died: {cause}"),
        }
    }
}

pub(super) fn run(args: &super::Args, began: Instant) -> Result<(), Failure> {
    crate::logging::start("warn");
    server::process::raise_open_files();
    let _lock = DirectoryLock::acquire(&args.data_dir).map_err(run::refused)?;
    let data = fs::canonicalize(&args.data_dir)?;
    let (plan, wires) = prepare(args, &data)?;
    let (events, heard) = sync_channel(EVENTS);
    let asked = events.clone();
    orders::listen(&data, move |order| asked.send(Event::Asked(order)).is_ok())?;
    listen_for_signals(events.clone())?;
    let mut cluster = Cluster {
        data,
        wires,
        nodes: plan.numbers().map(|number| (number, Node::default())).collect(),
        plan,
        events,
        heard,
        life: 0,
        cluster_id: None,
    };
    let outcome = cluster.serve(args, began);
    cluster.stop();
    outcome
}

/// Chooses ports, lays the wires and writes down the plan.
fn prepare(args: &super::Args, data: &Path) -> Result<(Plan, Wires), Failure> {
    let last = Plan::read(data)?;
    if let Some(last) = &last
        && last.nodes.len() != args.nodes as usize
    {
        let there = last.nodes.len();
        return Err(Failure::new(
            Code::Data,
            format!(
                "{} holds {there} nodes, and --nodes says {}; write --nodes {there}, or choose another --data-dir",
                data.display(),
                args.nodes
            ),
        ));
    }
    if last.is_none() && data.join("keeper").exists() {
        return Err(Failure::new(
            Code::Data,
            format!(
                "{} holds a single server; leave out --nodes, or choose another --data-dir",
                data.display()
            ),
        ));
    }
    let wanted = Wanted { keeper: args.keeper_port, broker: args.broker_port, http: args.http_port };
    let last = last.map(|last| last.nodes).unwrap_or_default();
    let mut plan = Plan {
        host: args.host,
        advertised_host: args.advertised_host.clone(),
        settings: args.settings.clone(),
        nodes: plan::choose_ports(args.host, args.nodes, wanted, &last)?,
        detours: Vec::new(),
    };
    // What is wrong with the settings is told here, and once.
    plan.broker_config(data, 1)?;
    let mut wires = Vec::new();
    for from in plan.numbers() {
        for to in plan.numbers().filter(|to| *to != from) {
            for port in plan.doors(to) {
                wires.push(Wire { from, to, target: plan.near(port) });
                plan.detours.push(Detour { from, to, port, via: 0 });
            }
        }
    }
    let (wires, ports) = Wires::start(wires)?;
    for (detour, port) in plan.detours.iter_mut().zip(ports) {
        detour.via = port;
    }
    plan.write(data)?;
    Ok((plan, wires))
}

fn listen_for_signals(events: SyncSender<Event>) -> Result<(), Failure> {
    let (notices, heard) = Notices::channel();
    run::listen_for_signals(&notices)?;
    thread::Builder::new().name("interrupts".to_owned()).spawn(move || {
        while let Ok(notice) = heard.recv() {
            if matches!(notice, Notice::Interrupted) {
                let _ = events.send(Event::Interrupted);
            }
        }
    })?;
    Ok(())
}

impl Cluster {
    /// Runs until it is interrupted, or could not even begin.
    fn serve(&mut self, args: &super::Args, began: Instant) -> Result<(), Failure> {
        for node in self.plan.numbers() {
            self.start(node)?;
        }
        let mut announced = false;
        loop {
            let Ok(event) = self.heard.recv() else { return Ok(()) };
            match event {
                Event::Interrupted => return Ok(()),
                Event::Asked((order, reply)) => self.take(order, reply),
                Event::Node(news) => {
                    if let Some((node, code)) = self.hear(news) {
                        let cause = self.nodes[&node].state.text();
                        let why = child::last_words(&self.data, node);
                        if !announced {
                            let log = child::log(&self.data, node);
                            let text = format!("node {node} {cause}: {why} ({})", log.display());
                            return Err(Failure::new(node::code(code), text));
                        }
                        let _ = writeln!(
                            io::stderr(),
                            "castle: node {node} {cause}: {why}; `castle dev start {node}` starts it again"
                        );
                    }
                    if !announced && self.nodes.values().all(|node| node.state == State::Running) {
                        announced = true;
                        self.announce(args, began)?;
                    }
                }
            }
        }
    }

    fn announce(&self, args: &super::Args, began: Instant) -> Result<(), Failure> {
        if let Some(file) = &args.ready_file {
            let nodes: Vec<_> = self.statuses();
            let all =
                |address: fn(&NodeStatus) -> &str| nodes.iter().map(address).collect::<Vec<_>>().join(",");
            let value = json!({
                "keeper": all(|node| &node.keeper),
                "broker": all(|node| &node.broker),
                "http": all(|node| &node.http),
                "pid": std::process::id(),
                "cluster_id": self.cluster_id,
                "data_dir": self.data,
                "nodes": nodes,
            });
            run::write_whole(file, &value)?;
        }
        let ports = |port: fn(&plan::Ports) -> u16| {
            let ports: Vec<String> =
                self.plan.nodes.iter().map(|ports| format!("localhost:{}", port(ports))).collect();
            ports.join(",")
        };
        // Nobody may be there to read it; the servers run all the same.
        let _ = writeln!(
            io::stdout(),
            "Castle {}: {} nodes are ready in {} ms; cluster {}, data in {}\n\
             \n  ZooKeeper clients   {}\n  Kafka clients       {}\n  status, metrics     {}\n\n\
             Try: castle dev status | castle dev kill 2 | castle dev partition 1 2 | castle dev --help\n\
             Stop with Ctrl-C.",
            env!("CARGO_PKG_VERSION"),
            self.plan.nodes.len(),
            began.elapsed().as_millis(),
            self.cluster_id.as_deref().unwrap_or("?"),
            self.data.display(),
            ports(|ports| ports.keeper),
            ports(|ports| ports.broker),
            ports(|ports| ports.http),
        );
        Ok(())
    }

    fn start(&mut self, number: Number) -> Result<(), Failure> {
        self.life += 1;
        let events = self.events.clone();
        let tell = move |news| events.send(Event::Node(news)).is_ok();
        let process = Process::start(&self.data, number, self.life, tell)?;
        if let Some(node) = self.nodes.get_mut(&number) {
            node.process = Some(process);
            node.state = State::Starting;
        }
        Ok(())
    }

    /// A node said something. If it died unasked, which one, and its exit code.
    fn hear(&mut self, news: FromNode) -> Option<(Number, Option<i32>)> {
        let node = self.nodes.get_mut(&news.node)?;
        if node.process.as_ref()?.life != news.life {
            return None;
        }
        let mut died = None;
        match news.said {
            Some(Said::Ready { cluster_id }) => {
                self.cluster_id = Some(cluster_id);
                node.state = match node.state {
                    State::Starting => State::Running,
                    State::Paused(_) => State::Paused(true),
                    ref other => other.clone(),
                };
            }
            Some(Said::BrokerStopped) => {}
            None => {
                let status = node.process.take().and_then(Process::reap);
                node.state = match node.state {
                    State::Ending => State::Stopped,
                    _ => {
                        died = Some((news.node, status.and_then(|status| status.code())));
                        State::Died(child::cause(status))
                    }
                };
            }
        }
        let is_settled = !matches!(node.state, State::Starting | State::Ending);
        let (state, waiting) = match is_settled {
            true => (node.state.clone(), std::mem::take(&mut node.waiting)),
            false => return died,
        };
        for reply in waiting {
            let said = format!("node {} is {}", news.node, state.text());
            let error = matches!(state, State::Died(_)).then(|| {
                format!("node {} {}: {}", news.node, state.text(), child::last_words(&self.data, news.node))
            });
            let _ = reply.try_send(Outcome { error, ..self.outcome(said) });
        }
        died
    }

    /// Does what it is told; the answer may come when a node has started or ended.
    fn take(&mut self, order: Order, reply: SyncSender<Outcome>) {
        let done = match order {
            Order::Status => Ok(Some(String::new())),
            Order::Heal => {
                self.wires.heal();
                Ok(Some("every node reaches every other".to_owned()))
            }
            Order::Partition(one, other) => match self.wires.set(one, other, true) {
                true => {
                    Ok(Some(format!("nodes {one} and {other} do not reach each other; clients reach both")))
                }
                false => {
                    Err(format!("there is nothing between {one} and {other}; nodes are {}", self.names()))
                }
            },
            Order::Isolate(one) if !self.nodes.contains_key(&one) => Err(self.no_node(one)),
            Order::Isolate(one) => {
                for other in self.plan.numbers() {
                    self.wires.set(one, other, true);
                }
                Ok(Some(format!("node {one} and the others do not reach each other; clients reach all")))
            }
            Order::Kill(number) | Order::Stop(number) | Order::Pause(number) | Order::Resume(number) => {
                self.change(order, number)
            }
            Order::Start(number) => match self.nodes.get(&number).map(|node| node.process.is_some()) {
                None => Err(self.no_node(number)),
                Some(true) => Err(format!("node {number} is {} already", self.nodes[&number].state.text())),
                Some(false) => self.start(number).map(|()| None).map_err(|failure| failure.to_string()),
            },
        };
        let outcome = match done {
            Ok(Some(said)) => self.outcome(said),
            Ok(None) => {
                if let Order::Start(number) | Order::Kill(number) | Order::Stop(number) = order
                    && let Some(node) = self.nodes.get_mut(&number)
                {
                    node.waiting.push(reply);
                }
                return;
            }
            Err(error) => Outcome { error: Some(error), ..Outcome::default() },
        };
        // Whoever asked may be gone.
        let _ = reply.try_send(outcome);
    }

    /// What needs a process that runs. Nothing to say yet if its end is waited for.
    fn change(&mut self, order: Order, number: Number) -> Result<Option<String>, String> {
        let nobody = self.no_node(number);
        let Some(node) = self.nodes.get_mut(&number) else { return Err(nobody) };
        let Some(process) = &mut node.process else {
            return Err(format!("node {number} does not run ({})", node.state.text()));
        };
        match (order, &node.state) {
            (Order::Kill(_), _) => {
                process.kill();
                node.state = State::Ending;
                Ok(None)
            }
            (Order::Stop(_), State::Paused(_)) => Err(format!("node {number} is paused; resume it first")),
            (Order::Stop(_), _) => {
                process.stop_broker();
                process.part();
                node.state = State::Ending;
                Ok(None)
            }
            (Order::Pause(_), state @ (State::Running | State::Starting)) => {
                process.signal(Signal::STOP);
                node.state = State::Paused(*state == State::Running);
                Ok(Some(format!("node {number} is frozen: its ports are open, and it does not answer")))
            }
            (Order::Resume(_), State::Paused(ran)) => {
                process.signal(Signal::CONT);
                node.state = if *ran { State::Running } else { State::Starting };
                Ok(Some(format!("node {number} goes on")))
            }
            (_, state) => Err(format!("node {number} is {}", state.text())),
        }
    }

    fn no_node(&self, number: Number) -> String {
        format!("there is no node {number}; nodes are {}", self.names())
    }

    fn names(&self) -> String {
        self.plan.numbers().map(|number| number.to_string()).collect::<Vec<_>>().join(", ")
    }

    fn outcome(&self, said: String) -> Outcome {
        Outcome { error: None, said, nodes: self.statuses(), cut: self.wires.cut() }
    }

    fn statuses(&self) -> Vec<NodeStatus> {
        let statuses = self.nodes.iter().map(|(number, node)| {
            let ports = self.plan.ports(*number);
            let at = |port| self.plan.near(port).to_string();
            NodeStatus {
                node: *number,
                state: node.state.text(),
                pid: node.process.as_ref().map(Process::pid),
                keeper: at(ports.keeper),
                broker: at(ports.broker),
                http: at(ports.http),
                log: child::log(&self.data, *number),
            }
        });
        statuses.collect()
    }

    /// Brokers first and one after the other, so that each hands over to those that are left; then all
    /// keepers at once.
    fn stop(mut self) {
        self.wires.heal();
        let numbers: Vec<Number> = self.plan.numbers().collect();
        for number in &numbers {
            let Some(process) = self.nodes.get_mut(number).and_then(|node| node.process.as_mut()) else {
                continue;
            };
            process.signal(Signal::CONT);
            process.stop_broker();
            self.wait(|news| news.node == *number);
        }
        for node in self.nodes.values_mut() {
            node.process.as_mut().map(Process::part);
        }
        while self.nodes.values().any(|node| node.process.is_some()) && self.wait(|news| news.said.is_none())
        {
        }
        for (number, node) in &mut self.nodes {
            if let Some(mut process) = node.process.take() {
                let _ = writeln!(io::stderr(), "castle: node {number} does not stop and is killed");
                process.kill();
                let _ = process.reap();
            }
        }
    }

    /// Waits for news of a node that stops. False if it takes too long.
    fn wait(&mut self, mut for_this: impl FnMut(&FromNode) -> bool) -> bool {
        let until = Instant::now() + STOP_PATIENCE;
        loop {
            match self.heard.recv_timeout(until.saturating_duration_since(Instant::now())) {
                Ok(Event::Node(news)) => {
                    let is_it = !matches!(news.said, Some(Said::Ready { .. })) && for_this(&news);
                    if let Some(node) = self.nodes.get_mut(&news.node) {
                        node.state = State::Ending;
                    }
                    self.hear(news);
                    if is_it {
                        return true;
                    }
                }
                Ok(Event::Asked((_, reply))) => {
                    let error = Some("the cluster ends".to_owned());
                    let _ = reply.try_send(Outcome { error, ..Outcome::default() });
                }
                Ok(Event::Interrupted) => {}
                Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => return false,
            }
        }
    }
}
