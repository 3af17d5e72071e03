//! The blocking face: one thread, one socket for each broker, requests sent together where they can be.

mod admin;
mod consumer;
mod link;
mod producer;
mod replicas;

pub use admin::{Committed, ConfigChange, ConfigResource, NewTopic, OffsetAt};
pub use consumer::{Consumer, Event, Reset};
pub use producer::BlockingProducer;
pub use replicas::Reassignment;

use crate::limits::{CONNECT_PATIENCE_MIN, RETRY_PAUSE};
use crate::{Address, Error, View};
use kafka_wire::message::find_coordinator::FindCoordinatorRequest;
use kafka_wire::message::metadata::{MetadataRequest, MetadataRequestTopic};
use kafka_wire::{ApiKey, ErrorCode, Request};
use link::Link;
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// Whom to connect to, and how.
#[derive(Clone, Debug)]
pub struct ClientOptions {
    /// Brokers to begin with; the others are learned from them.
    pub brokers: Vec<Address>,
    /// How the client calls itself.
    pub client_id: String,
    /// How long a connection or an answer may take.
    pub patience: Duration,
}

impl ClientOptions {
    /// The usual name and patience.
    pub fn new(brokers: Vec<Address>) -> ClientOptions {
        ClientOptions { brokers, client_id: "castle".to_owned(), patience: Duration::from_secs(30) }
    }
}

/// A client of one cluster.
#[derive(Debug)]
pub struct Client {
    options: ClientOptions,
    /// To whichever broker answered first.
    any: Option<Link>,
    links: BTreeMap<i32, Link>,
    view: View,
}

impl Client {
    /// Connects to the first broker that answers.
    ///
    /// # Errors
    /// None does.
    pub fn connect(options: ClientOptions) -> Result<Client, Error> {
        let mut client = Client { options, any: None, links: BTreeMap::new(), view: View::default() };
        client.any()?;
        Ok(client)
    }

    /// The cluster as last seen.
    pub fn view(&self) -> &View {
        &self.view
    }

    /// How long an answer may take.
    pub fn patience(&self) -> Duration {
        self.options.patience
    }

    /// Asks for metadata of `topics`, or of all topics.
    ///
    /// # Errors
    /// No broker answers.
    pub fn refresh(&mut self, topics: Option<&[String]>, create: Create) -> Result<(), Error> {
        let topics = topics.map(|names| {
            let topic =
                |name: &String| MetadataRequestTopic { name: Some(name.clone()), ..Default::default() };
            names.iter().map(topic).collect()
        });
        let request = MetadataRequest {
            topics,
            allow_auto_topic_creation: create == Create::IfMissing,
            ..MetadataRequest::default()
        };
        let response = self.ask_any(&request)?;
        self.view.update(response);
        Ok(())
    }

    /// Asks any broker.
    ///
    /// # Errors
    /// No broker answers.
    pub fn ask_any<R: Request>(&mut self, request: &R) -> Result<R::Response, Error> {
        let patience = self.options.patience;
        let result = self.any()?.ask(request, patience);
        match result {
            Err(Error::Lost { .. }) => {
                // A connection that was idle may have been closed; a second one tells.
                self.any = None;
                self.any()?.ask(request, patience)
            }
            Err(Error::TimedOut { .. }) if self.options.brokers.len() > 1 => {
                // It may be frozen: another one is asked, from now on too.
                self.any = None;
                self.options.brokers.rotate_left(1);
                self.any()?.ask(request, patience)
            }
            result => result,
        }
    }

    /// Asks the broker with number `node`.
    ///
    /// # Errors
    /// It does not answer, or is not known.
    pub fn ask_node<R: Request>(&mut self, node: i32, request: &R) -> Result<R::Response, Error> {
        let patience = self.options.patience;
        let result = self.link(node)?.ask(request, patience);
        self.keep_if_alive(node, result)
    }

    /// Asks the controller.
    ///
    /// # Errors
    /// It does not answer, or there is none.
    pub fn ask_controller<R: Request>(&mut self, request: &R) -> Result<R::Response, Error> {
        if !self.view.brokers.contains_key(&self.view.controller) {
            self.refresh(Some(&[]), Create::Never)?;
        }
        match self.view.controller {
            controller if self.view.brokers.contains_key(&controller) => self.ask_node(controller, request),
            _ => self.ask_any(request),
        }
    }

    /// The broker that coordinates `group`.
    ///
    /// # Errors
    /// There is none (yet): a passing refusal.
    pub fn coordinator(&mut self, group: &str) -> Result<i32, Error> {
        let request = FindCoordinatorRequest {
            key: group.to_owned(),
            key_type: 0,
            coordinator_keys: vec![group.to_owned()],
        };
        let response = self.ask_any(&request)?;
        // Version 4 answers with a list.
        let (code, message, node, host, port) = match response.coordinators.into_iter().next() {
            Some(found) => (found.error_code, found.error_message, found.node_id, found.host, found.port),
            None => {
                (response.error_code, response.error_message, response.node_id, response.host, response.port)
            }
        };
        if !code.is_none() {
            return Err(Error::refused(format!("find the coordinator of group {group:?}"), code, message));
        }
        let port = u16::try_from(port).map_err(|_| Error::Invalid(format!("{host}:{port} is no address")))?;
        self.view.brokers.insert(node, Address { host, port });
        Ok(node)
    }

    /// Asks the broker that coordinates `group`.
    ///
    /// # Errors
    /// There is none, or it does not answer.
    pub fn ask_coordinator<R: Request>(&mut self, group: &str, request: &R) -> Result<R::Response, Error> {
        let node = self.coordinator(group)?;
        self.ask_node(node, request)
    }

    /// Tries until it works, fails for good, or patience ends; passing errors wait a moment.
    ///
    /// # Errors
    /// The last error.
    pub fn insist<T>(
        &mut self,
        mut attempt: impl FnMut(&mut Client) -> Result<T, Error>,
    ) -> Result<T, Error> {
        let deadline = Instant::now() + self.options.patience;
        loop {
            match attempt(self) {
                Err(error) if error.is_passing() && Instant::now() < deadline => {
                    if error.code() == Some(ErrorCode::NOT_CONTROLLER) {
                        self.view.controller = -1;
                    }
                    std::thread::sleep(RETRY_PAUSE.as_duration());
                }
                result => return result,
            }
        }
    }

    /// Learns about `topics` until each has leaders, fails for good, or patience ends.
    ///
    /// # Errors
    /// A topic that does not exist (and is not to be created), or has no leader for too long.
    pub fn know(&mut self, topics: &[String], create: Create) -> Result<(), Error> {
        self.insist(|client| {
            client.refresh(Some(topics), create)?;
            for name in topics {
                let what = || format!("use topic {name:?}");
                let topic = client.view.topics.get(name);
                let code = topic.map_or(ErrorCode::UNKNOWN_TOPIC_OR_PARTITION, |topic| topic.error);
                if code == ErrorCode::UNKNOWN_TOPIC_OR_PARTITION && create == Create::Never {
                    let message =
                        format!("there is no topic {name:?}; `castle topic create {name}` makes one");
                    return Err(Error::Invalid(message));
                }
                if !code.is_none() {
                    return Err(Error::refused(what(), code, None));
                }
                let partitions = topic.into_iter().flat_map(|topic| topic.partitions.values());
                if partitions.clone().count() == 0
                    || partitions.into_iter().any(|partition| partition.leader < 0)
                {
                    return Err(Error::refused(what(), ErrorCode::LEADER_NOT_AVAILABLE, None));
                }
            }
            Ok(())
        })
    }

    fn any(&mut self) -> Result<&mut Link, Error> {
        if self.any.is_none() {
            self.any = Some(self.open_any()?);
        }
        Ok(self.any.as_mut().expect("just opened"))
    }

    fn open_any(&self) -> Result<Link, Error> {
        let learned = self.view.brokers.values().filter(|known| !self.options.brokers.contains(known));
        let mut failure = None;
        let named = self.options.brokers.len().max(1) as u32;
        for address in self.options.brokers.iter().chain(learned) {
            // One that is frozen must leave time for the others.
            let patience = (self.options.patience / named).max(CONNECT_PATIENCE_MIN.as_duration());
            match Link::open(address, &self.options.client_id, patience.min(self.options.patience)) {
                Ok(link) => return Ok(link),
                Err(error) => failure = Some(error),
            }
        }
        match failure {
            Some(Error::Unreachable { why, .. }) => {
                Err(Error::Unreachable { addresses: self.options.brokers.clone(), why })
            }
            Some(error) => Err(error),
            None => Err(Error::Invalid("no broker is named".to_owned())),
        }
    }

    fn open(&self, address: &Address) -> Result<Link, Error> {
        Link::open(address, &self.options.client_id, self.options.patience)
    }

    /// A link of one's own to the broker `node`.
    fn open_node(&self, node: i32) -> Result<Link, Error> {
        let unknown =
            || Error::refused(format!("reach broker {node}"), ErrorCode::BROKER_NOT_AVAILABLE, None);
        self.open(self.view.brokers.get(&node).ok_or_else(unknown)?)
    }

    fn link(&mut self, node: i32) -> Result<&mut Link, Error> {
        if !self.links.contains_key(&node) {
            let link = self.open_node(node)?;
            self.links.insert(node, link);
        }
        Ok(self.links.get_mut(&node).expect("just opened"))
    }

    /// Forgets the link to `node` unless `result` shows that it still works.
    fn keep_if_alive<T>(&mut self, node: i32, result: Result<T, Error>) -> Result<T, Error> {
        if matches!(result, Err(Error::Lost { .. } | Error::Wire { .. } | Error::TimedOut { .. })) {
            self.links.remove(&node);
        }
        result
    }

    /// Whether any broker speaks `api`.
    ///
    /// # Errors
    /// No broker answers.
    pub fn serves(&mut self, api: ApiKey) -> Result<bool, Error> {
        Ok(self.any()?.serves(api))
    }
}

/// Whether asking about a topic may create it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Create {
    /// It must exist.
    Never,
    /// The broker may create it, if it is set to (`auto.create.topics.enable`).
    IfMissing,
}
