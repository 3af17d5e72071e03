//! multiRead: several getData and getChildren; each has its own outcome. Watch flags are ignored.

use zookeeper_wire::jute::Writer;
use zookeeper_wire::{ErrorCode, MultiOp, OpCode};

use super::Read;

impl Read<'_> {
    pub(super) fn multi_read(&mut self, ops: &[MultiOp]) -> Result<(), ErrorCode> {
        for op in ops {
            let start = self.writer.len();
            envelope(self.writer, op.op(), false, ErrorCode::OK);
            let result = match op {
                MultiOp::GetData(r) => self.get_data(&r.path, false),
                MultiOp::GetChildren(r) => self.get_children(&r.path, false),
                _ => return Err(ErrorCode::MARSHALLING_ERROR),
            };
            if let Err(error) = result {
                self.writer.truncate(start);
                envelope(self.writer, OpCode::ERROR, false, error);
                self.writer.record(&error);
            }
        }
        envelope(self.writer, OpCode::ERROR, true, ErrorCode(-1));
        Ok(())
    }
}

/// What stands before each outcome, and at the end.
fn envelope(writer: &mut Writer, kind: OpCode, done: bool, error: ErrorCode) {
    writer.record(&kind);
    writer.bool(done);
    writer.record(&error);
}
