//! Joining: what a broker does with a new session before it is part of the cluster.

use std::collections::BTreeMap;

use clock::Now;
use cluster::znodes::{ClusterId, Endpoint, Registration, SecurityProtocol};
use cluster::{BrokerEpoch, mirror, path, plan};
use disk::Disk;
use zookeeper_wire::{
    CheckVersionRequest, DeleteRequest, ErrorCode, MultiOp, MultiResult, PathWatch, Request, Response,
};

use super::{Asked, Joined, last_session, note, step_mirror};
use crate::api::api_versions;
use crate::limits::{KEEPER_RETRY, REGISTRATION_CONFLICT_WAIT};
use crate::{Broker, Effect, asks};

/// One request of joining.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Step {
    /// Does this common znode exist?
    Look(&'static str),
    /// Make it.
    Make(&'static str),
    /// Read the cluster's id, behind all the looking and making.
    ReadClusterId,
    /// Name the cluster.
    NameCluster,
    /// Register.
    Register,
    /// Who holds our registration?
    ReadOwner,
    /// Remove what our former process left, and register.
    TakeOver,
}

/// Begins, or begins again.
pub(super) fn begin<D: Disk>(broker: &mut Broker<D>, _now: Now, effects: &mut Vec<Effect>) {
    let attempt = match broker.membership.joined {
        Joined::Joining(attempt) => attempt + 1,
        Joined::No | Joined::Registered => broker.random.u64(..u64::MAX / 2),
    };
    broker.membership.joined = Joined::Joining(attempt);
    broker.membership.retry_at = None;
    // Looking costs the keeper nothing; a create that fails is a transaction all the same.
    for path in path::PERSISTENT {
        ask(
            broker,
            Step::Look(path),
            Request::Exists(PathWatch { path: path.into(), watch: false }),
            effects,
        );
    }
    read_cluster_id(broker, effects);
}

fn read_cluster_id<D: Disk>(broker: &mut Broker<D>, effects: &mut Vec<Effect>) {
    let request = Request::GetData(PathWatch { path: path::CLUSTER_ID.into(), watch: false });
    ask(broker, Step::ReadClusterId, request, effects);
}

fn ask<D: Disk>(broker: &mut Broker<D>, step: Step, request: Request, effects: &mut Vec<Effect>) {
    let Joined::Joining(attempt) = broker.membership.joined else { return };
    broker.ask(asks::Asked::Membership(Asked::Joining(attempt, step)), request, effects);
}

/// Takes the answer to a step of the present attempt.
pub(super) fn answered<D: Disk>(
    broker: &mut Broker<D>,
    now: Now,
    step: Step,
    answer: Result<Response, ErrorCode>,
    effects: &mut Vec<Effect>,
) {
    match (step, answer) {
        // Begun again with the next connection.
        (_, Err(ErrorCode::CONNECTION_LOSS | ErrorCode::SESSION_EXPIRED)) => {}
        (Step::Look(path), Err(ErrorCode::NO_NODE)) => {
            ask(broker, Step::Make(path), plan::make_persistent(path), effects);
        }
        (Step::Look(_), Ok(_)) | (Step::Make(_), Ok(_) | Err(ErrorCode::NODE_EXISTS)) => {}
        (Step::ReadClusterId, Ok(Response::Data(data, _))) => {
            match ClusterId::decode(data.as_deref().unwrap_or_default()) {
                Ok(id) => cluster_known(broker, &id, effects),
                Err(malformed) => halt(effects, format!("{}: {malformed}", path::CLUSTER_ID)),
            }
        }
        (Step::ReadClusterId, Err(ErrorCode::NO_NODE)) => {
            let mut random = broker.random.clone();
            let id = ClusterId::random(|| random.u64(..));
            broker.random = random;
            ask(broker, Step::NameCluster, plan::create_cluster_id(&id), effects);
        }
        // Named by us or by another: what counts is what is there.
        (Step::NameCluster, Ok(_) | Err(ErrorCode::NODE_EXISTS)) => read_cluster_id(broker, effects),
        (Step::Register | Step::TakeOver, Ok(Response::Multi(results))) => {
            registered(broker, now, &results, effects);
        }
        (Step::ReadOwner, answer) => owner_known(broker, now, answer, effects),
        (step, Ok(_)) => try_later(broker, now, &step, ErrorCode::MARSHALLING_ERROR, effects),
        (step, Err(error)) => try_later(broker, now, &step, error, effects),
    }
}

fn try_later<D: Disk>(
    broker: &mut Broker<D>,
    now: Now,
    step: &Step,
    error: ErrorCode,
    effects: &mut Vec<Effect>,
) {
    note(effects, format!("the keeper answered {error} while the broker was joining ({step:?})"));
    broker.membership.retry_at = Some(now.moment + KEEPER_RETRY);
}

fn halt(effects: &mut Vec<Effect>, reason: String) {
    effects.push(Effect::Halt { reason });
}

fn cluster_known<D: Disk>(broker: &mut Broker<D>, id: &ClusterId, effects: &mut Vec<Effect>) {
    if let Err(reason) = broker.replicas.claim(&id.0) {
        return halt(effects, reason);
    }
    let request = plan::register(broker.membership.me, &registration(broker));
    ask(broker, Step::Register, request, effects);
}

/// What this broker says of itself.
fn registration<D: Disk>(broker: &Broker<D>) -> Registration {
    let endpoint = |listener: &crate::Listener| Endpoint {
        listener: listener.name.clone(),
        host: listener.advertised_host.clone(),
        port: listener.advertised_port,
        security: SecurityProtocol::parse(&listener.security_protocol).unwrap_or(SecurityProtocol::Plaintext),
    };
    Registration {
        endpoints: broker.settings.listeners.iter().map(endpoint).collect(),
        rack: broker.settings.rack.clone(),
        jmx_port: -1,
        timestamp_ms: broker.membership.joined_at_ms,
        features: features(),
    }
}

/// What clients may use when every broker has it.
fn features() -> BTreeMap<String, BTreeMap<String, i16>> {
    let levels =
        [("min_version".to_owned(), 1), ("max_version".to_owned(), api_versions::TRANSACTION_VERSION)];
    BTreeMap::from([(api_versions::TRANSACTION_FEATURE.to_owned(), BTreeMap::from(levels))])
}

fn registered<D: Disk>(broker: &mut Broker<D>, now: Now, results: &[MultiResult], effects: &mut Vec<Effect>) {
    match (plan::outcome(results), results.last()) {
        (plan::Outcome::Done, Some(MultiResult::SetData(stat))) => {
            joined(broker, now, BrokerEpoch(stat.czxid.0), effects);
        }
        _ => {
            let path = path::broker(broker.membership.me);
            ask(broker, Step::ReadOwner, Request::GetData(PathWatch { path, watch: false }), effects);
        }
    }
}

/// Our place is taken: by ourselves (an answer was lost), by our former process, or by another broker.
fn owner_known<D: Disk>(
    broker: &mut Broker<D>,
    now: Now,
    answer: Result<Response, ErrorCode>,
    effects: &mut Vec<Effect>,
) {
    let (data, stat) = match answer {
        Ok(Response::Data(data, stat)) => (data.unwrap_or_default(), stat),
        // Free again.
        _ => return broker.membership.retry_at = Some(now.moment),
    };
    let owner = Some(stat.ephemeral_owner);
    if owner == broker.membership.session {
        return joined(broker, now, BrokerEpoch(stat.czxid.0), effects);
    }
    if owner == broker.membership.last_session {
        let path = path::broker(broker.membership.me);
        let mut ops = vec![MultiOp::Delete(DeleteRequest { path, version: stat.version })];
        if let Request::Multi(more) = plan::register(broker.membership.me, &registration(broker)) {
            ops.extend(more);
        }
        return ask(broker, Step::TakeOver, Request::Multi(ops), effects);
    }
    let since = *broker.membership.conflict_since.get_or_insert(now.moment);
    if now.moment.since(since) >= REGISTRATION_CONFLICT_WAIT {
        let id = broker.membership.me;
        let other = Registration::decode(&data).ok();
        let other = other.and_then(|other| other.endpoints.first().map(ToString::to_string));
        let other = other.unwrap_or_else(|| "an unknown address".into());
        return halt(
            effects,
            format!(
                "broker.id {id} is in use: another live broker is registered under it at {other} \
                 (keeper session {}). Give this one another broker.id, or stop the other",
                stat.ephemeral_owner
            ),
        );
    }
    if since == now.moment {
        note(effects, "the broker's id is still registered by another session; waiting for it to end".into());
    }
    broker.membership.retry_at = Some(now.moment + KEEPER_RETRY);
}

fn joined<D: Disk>(broker: &mut Broker<D>, now: Now, epoch: BrokerEpoch, effects: &mut Vec<Effect>) {
    let membership = &mut broker.membership;
    membership.joined = Joined::Registered;
    membership.epoch = Some(epoch);
    membership.conflict_since = None;
    let first = broker.settings.log_directories.first().filter(|path| broker.replicas.uses(path));
    if let (Some(session), Some(directory)) = (membership.session, first) {
        // Only a convenience after a crash: the broker works without.
        let _ = last_session::write(&broker.disk, directory, session);
    }
    step_mirror(broker, now, mirror::Input::Began, effects);
}

/// `/controller` may still be held by the session of our former process.
pub(super) fn remove_own_stale_office<D: Disk>(broker: &mut Broker<D>, effects: &mut Vec<Effect>) {
    let membership = &broker.membership;
    let Some(controller) = membership.cluster.controller() else { return };
    let stale = controller.node.broker == membership.me
        && Some(controller.session) == membership.last_session
        && Some(controller.session) != membership.session;
    if stale {
        let path = || path::CONTROLLER.to_string();
        let ops = vec![
            MultiOp::Check(CheckVersionRequest { path: path(), version: 0 }),
            MultiOp::Delete(DeleteRequest { path: path(), version: 0 }),
        ];
        broker.ask(asks::Asked::Membership(Asked::Whatever), Request::Multi(ops), effects);
    }
}
