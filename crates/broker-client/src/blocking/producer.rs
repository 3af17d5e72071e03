//! Producing, one call after the other: records are gathered until a batch is full or a flush is asked for.

use super::{Client, Create};
use crate::Error;
use crate::limits::RETRY_PAUSE;
use crate::producer::{Acks, Delivery, NewRecord, Producer, ProducerOptions, PushError};
use kafka_wire::message::init_producer_id::InitProducerIdRequest;
use kafka_wire::message::produce::ProduceRequest;
use std::collections::BTreeMap;
use std::time::Instant;

/// A [`Producer`] and the client it speaks through.
#[derive(Debug)]
pub struct BlockingProducer<'a> {
    client: &'a mut Client,
    core: Producer,
    acks: Acks,
    create: Create,
}

impl<'a> BlockingProducer<'a> {
    /// A producer of `client`; with idempotence it asks the broker for a producer id first.
    ///
    /// # Errors
    /// The broker gives none.
    pub fn new(
        client: &'a mut Client,
        options: ProducerOptions,
        create: Create,
        seed: u64,
    ) -> Result<BlockingProducer<'a>, Error> {
        let acks = options.acks;
        if options.idempotent && acks != Acks::All {
            return Err(Error::Invalid("an idempotent producer needs acks of all replicas".to_owned()));
        }
        let mut core = Producer::new(options, seed);
        if core.wants_identity() {
            let request = InitProducerIdRequest {
                transactional_id: None,
                transaction_timeout_ms: i32::MAX,
                ..InitProducerIdRequest::default()
            };
            let response = client.insist(|client| {
                let response = client.ask_any(&request)?;
                match response.error_code.is_none() {
                    true => Ok(response),
                    false => Err(Error::refused("get a producer id", response.error_code, None)),
                }
            })?;
            core.identify(response.producer_id, response.producer_epoch);
        }
        Ok(BlockingProducer { client, core, acks, create })
    }

    /// Takes a record, sending full batches on the way; what was delivered is appended to `deliveries`.
    ///
    /// # Errors
    /// The record cannot be sent at all. A batch that fails is a delivery, not an error.
    pub fn send(&mut self, record: &NewRecord, deliveries: &mut Vec<Delivery>) -> Result<(), Error> {
        loop {
            match self.core.push(self.client.view(), record) {
                Ok(_) if self.core.waiting() > 0 => return self.round(deliveries),
                Ok(_) => return Ok(()),
                Err(PushError::UnknownTopic) => {
                    self.client.know(std::slice::from_ref(&record.topic), self.create)?;
                }
                Err(PushError::UnknownPartition) => {
                    let count = self.client.view().partition_count(&record.topic);
                    return Err(Error::Invalid(format!(
                        "topic {:?} has no partition {}; its partitions are 0 to {}",
                        record.topic,
                        record.partition.unwrap_or_default(),
                        count - 1
                    )));
                }
                Err(PushError::Full) => self.round(deliveries)?,
            }
        }
    }

    /// Sends everything and waits until each batch reached its end.
    ///
    /// # Errors
    /// No broker answers.
    pub fn flush(&mut self, deliveries: &mut Vec<Delivery>) -> Result<(), Error> {
        self.core.seal();
        while self.core.waiting() > 0 {
            self.round(deliveries)?;
        }
        Ok(())
    }

    /// Sends one batch of each partition that has one, to all leaders at once, and takes the answers.
    fn round(&mut self, deliveries: &mut Vec<Delivery>) -> Result<(), Error> {
        let requests = self.core.requests(self.client.view());
        let mut stale = requests.is_empty();
        let mut sent: BTreeMap<i32, ProduceRequest> = BTreeMap::new();
        let mut failure = None;
        for (node, request) in requests {
            let result = self.client.link(node).and_then(|link| match self.acks {
                Acks::None => link.tell(&request),
                _ => link.send(&request),
            });
            match self.client.keep_if_alive(node, result) {
                Ok(()) if self.acks == Acks::None => self.core.told(&request, deliveries),
                Ok(()) => drop(sent.insert(node, request)),
                Err(error) => {
                    self.core.lost(&request, deliveries);
                    failure = Some(error);
                }
            }
        }
        let patience = self.client.patience();
        for (node, request) in sent {
            let result = self.client.link(node).and_then(|link| link.receive::<ProduceRequest>(patience));
            match self.client.keep_if_alive(node, result) {
                Ok(response) => stale |= self.core.answered(&request, response, deliveries),
                Err(error) => {
                    self.core.lost(&request, deliveries);
                    failure = Some(error);
                }
            }
        }
        match failure {
            Some(error @ (Error::Unsupported { .. } | Error::Wire { .. })) => return Err(error),
            Some(_) => stale = true,
            None => {}
        }
        if stale {
            std::thread::sleep(RETRY_PAUSE.as_duration());
            self.look_again()?;
        }
        Ok(())
    }

    /// Refreshes metadata, with the patience that a restart of a broker needs.
    fn look_again(&mut self) -> Result<(), Error> {
        let topics: Vec<String> = self.core.topics().into_iter().collect();
        let deadline = Instant::now() + self.client.patience();
        loop {
            match self.client.refresh(Some(&topics), Create::Never) {
                Err(Error::Unreachable { .. } | Error::Lost { .. }) if Instant::now() < deadline => {
                    std::thread::sleep(RETRY_PAUSE.as_duration());
                }
                result => return result,
            }
        }
    }
}
