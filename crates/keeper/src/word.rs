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
use zookeeper_wire::Zxid;

use crate::border::{ConnectionId, Effect};
use crate::connection::{Stage, Usage};
use crate::keeper::Keeper;

/// True if these four bytes are a word rather than the length of a frame.
pub fn is_word(bytes: [u8; 4]) -> bool {
    bytes == TELNET_CLOSE || WORDS.contains(&&bytes)
}

impl Keeper {
    pub(crate) fn word(&mut self, id: ConnectionId, word: [u8; 4], effects: &mut Vec<Effect>) {
        self.server.statistics.received += 1;
        if word != TELNET_CLOSE && self.connections.contains_key(&id) {
            let name = String::from_utf8_lossy(&word).into_owned();
            let listed = self.server.config.words.contains(&name);
            // The mask follows in eight more bytes.
            if listed
                && word == *b"stmk"
                && let Some(connection) = self.connections.get_mut(&id)
            {
                connection.stage = Stage::Mask;
                return;
            }
            let text = if listed {
                self.answer_word(&word)
            } else {
                format!("{name} is not executed because it is not in the whitelist.\n")
            };
            effects.push(Effect::SendText { connection: id, text: Bytes::from(text) });
        }
        self.close(id, effects);
    }

    /// The bytes behind `stmk`.
    pub(crate) fn set_mask(&mut self, id: ConnectionId, bytes: &[u8], effects: &mut Vec<Effect>) {
        if let Ok(mask) = bytes.try_into().map(i64::from_be_bytes) {
            self.server.trace_mask = mask;
            effects.push(Effect::SendText { connection: id, text: Bytes::from(mask.to_string()) });
        }
        self.close(id, effects);
    }

    fn answer_word(&mut self, word: &[u8; 4]) -> String {
        if !self.serves_clients()
            && !matches!(word, b"ruok" | b"conf" | b"envi" | b"isro" | b"dirs" | b"gtmk" | b"stmk")
        {
            return "This ZooKeeper instance is not currently serving requests\n".to_owned();
        }
        match word {
            b"isro" if !self.serves_clients() => "null".to_owned(),
            b"ruok" => "imok".to_owned(),
            b"isro" if self.reads_only() => "ro".to_owned(),
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
                self.reset_connections();
                "Connection stats reset.\n".to_owned()
            }
            b"srst" => {
                self.reset_server();
                "Server stats reset.\n".to_owned()
            }
            b"gtmk" => self.server.trace_mask.to_string(),
            b"hash" => {
                let lines =
                    self.server.digests.iter().map(|(zxid, sum)| format!("{:x}: {}\n", zxid.0, *sum as i64));
                lines.collect()
            }
            _ => String::new(),
        }
    }
}

impl Keeper {
    /// What connections counted is forgotten.
    pub(crate) fn reset_connections(&mut self) {
        for connection in self.connections.values_mut() {
            connection.usage = Usage { last_zxid: Zxid(-1), ..Usage::unused() };
        }
    }

    /// What the server counted is forgotten.
    pub(crate) fn reset_server(&mut self) {
        self.server.statistics.reset();
        self.server.metrics.reset();
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
