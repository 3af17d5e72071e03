//! Translation between the paths a caller sees and those the server sees.

use zookeeper_wire::{MultiOp, MultiResult, Request, Response};

/// Puts `chroot` before every path of a request.
pub(crate) fn enter(chroot: &str, request: &mut Request) {
    if chroot.is_empty() {
        return;
    }
    let put = |path: &mut String| below(chroot, path);
    match request {
        Request::Create(r) | Request::Create2(r) | Request::CreateContainer(r) => put(&mut r.path),
        Request::CreateTtl(r) => put(&mut r.path),
        Request::Delete(r) => put(&mut r.path),
        Request::Exists(r) | Request::GetData(r) | Request::GetChildren(r) | Request::GetChildren2(r) => {
            put(&mut r.path);
        }
        Request::SetData(r) => put(&mut r.path),
        Request::SetAcl(r) => put(&mut r.path),
        Request::Check(r) => put(&mut r.path),
        Request::DeleteContainer(r)
        | Request::GetAcl(r)
        | Request::Sync(r)
        | Request::GetEphemerals(r)
        | Request::GetAllChildrenNumber(r) => put(&mut r.path),
        Request::CheckWatches(r) | Request::RemoveWatches(r) => put(&mut r.path),
        Request::AddWatch(r) => put(&mut r.path),
        Request::Multi(ops) | Request::MultiRead(ops) => {
            for op in ops {
                match op {
                    MultiOp::Create(r) | MultiOp::Create2(r) | MultiOp::CreateContainer(r) => {
                        put(&mut r.path);
                    }
                    MultiOp::CreateTtl(r) => put(&mut r.path),
                    MultiOp::Delete(r) => put(&mut r.path),
                    MultiOp::SetData(r) => put(&mut r.path),
                    MultiOp::Check(r) => put(&mut r.path),
                    MultiOp::GetData(r) | MultiOp::GetChildren(r) => put(&mut r.path),
                }
            }
        }
        // Made of server paths already, or without any.
        Request::SetWatches(_)
        | Request::SetWatches2(_)
        | Request::Reconfig(_)
        | Request::Ping
        | Request::WhoAmI
        | Request::Auth(_)
        | Request::Sasl(_)
        | Request::CloseSession => {}
    }
}

fn below(chroot: &str, path: &mut String) {
    if path == "/" {
        *path = chroot.to_string();
    } else {
        path.insert_str(0, chroot);
    }
}

/// Takes `chroot` off every path of a response.
pub(crate) fn leave(chroot: &str, response: &mut Response) {
    if chroot.is_empty() {
        return;
    }
    match response {
        Response::Create(path) | Response::Create2(path, _) | Response::Sync(path) => {
            *path = above(chroot, path);
        }
        Response::Ephemerals(paths) => {
            for path in paths {
                *path = above(chroot, path);
            }
        }
        Response::Multi(results) => {
            for result in results {
                if let MultiResult::Create(path) | MultiResult::Create2(path, _) = result {
                    *path = above(chroot, path);
                }
            }
        }
        _ => {}
    }
}

/// The caller's name of a server's path. A path outside of the chroot (no server sends one) stays.
pub(crate) fn above(chroot: &str, path: &str) -> String {
    match path.strip_prefix(chroot) {
        Some("") => "/".to_string(),
        Some(rest) if rest.starts_with('/') => rest.to_string(),
        _ => path.to_string(),
    }
}
