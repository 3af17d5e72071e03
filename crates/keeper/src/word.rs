//! Four-letter words: an administrator types one instead of a frame, reads the answer, and is cut
//! off. The texts are those that tools of the original look for.

mod conf;
mod cons;
mod dump;
mod envi;
mod mntr;
mod srvr;
mod watches;

use bytes::Bytes;

use crate::border::{ConnectionId, Effect};
use crate::keeper::Keeper;
use crate::statistics::Latency;

/// True if these four bytes are a word rather than the length of a frame.
pub fn is_word(bytes: [u8; 4]) -> bool {
    bytes == TELNET_CLOSE || WORDS.contains(&&bytes)
}

impl Keeper {
    pub(crate) fn word(&mut self, id: ConnectionId, word: [u8; 4], effects: &mut Vec<Effect>) {
        self.server.statistics.received += 1;
        if word != TELNET_CLOSE && self.connections.contains_key(&id) {
            let name = String::from_utf8_lossy(&word).into_owned();
            let text = if self.server.config.words.contains(&name) {
                self.answer_word(&word)
            } else {
                format!("{name} is not executed because it is not in the whitelist.\n")
            };
            effects.push(Effect::SendText { connection: id, text: Bytes::from(text) });
        }
        self.close(id, effects);
    }

    fn answer_word(&mut self, word: &[u8; 4]) -> String {
        match word {
            b"ruok" => "imok".to_owned(),
            b"isro" => "rw".to_owned(),
            b"srvr" => self.srvr(),
            b"stat" => self.stat(),
            b"mntr" => self.mntr(),
            b"conf" => self.conf(),
            b"cons" => self.cons(),
            b"envi" => self.envi(),
            b"dump" => self.dump(),
            b"wchs" => self.wchs(),
            b"wchc" => self.wchc(),
            b"wchp" => self.wchp(),
            b"dirs" => {
                let measures = self.server.measures;
                format!(
                    "datadir_size: {}\nlogdir_size: {}\n",
                    measures.data_dir_bytes, measures.log_dir_bytes
                )
            }
            b"crst" => {
                for connection in self.connections.values_mut() {
                    connection.usage.received = 0;
                    connection.usage.sent = 0;
                    connection.usage.latency = Latency::default();
                    connection.usage.last_op = "NA";
                }
                "Connection stats reset.\n".to_owned()
            }
            b"srst" => {
                self.server.statistics.reset();
                "Server stats reset.\n".to_owned()
            }
            b"gtmk" | b"stmk" => "0".to_owned(),
            b"hash" => {
                let database = &self.server.database;
                format!("0x{:x}: {:x}\n", database.last_applied().0, database.tree().digest())
            }
            _ => String::new(),
        }
    }
}

const WORDS: [&[u8; 4]; 18] = [
    b"conf", b"cons", b"crst", b"dirs", b"dump", b"envi", b"gtmk", b"hash", b"isro", b"mntr", b"ruok",
    b"srst", b"srvr", b"stat", b"stmk", b"wchc", b"wchp", b"wchs",
];

/// What telnet sends when it is interrupted.
const TELNET_CLOSE: [u8; 4] = [0xff, 0xf4, 0xff, 0xfd];

#[cfg(test)]
mod tests;
