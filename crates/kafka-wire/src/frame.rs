//! An encoded message, ready to be sent: a list of byte segments without the length prefix.

use crate::{Message, Request, RequestHeader, ResponseHeader, Writer};
use bytes::{Bytes, BytesMut};

/// Header and body of one request or response as segments for a gathering write.
///
/// The four-byte length prefix is not part of it: the edge writes [`Frame::len`] first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Frame {
    segments: Vec<Bytes>,
    len: usize,
}

impl Frame {
    /// Encodes `request` behind its header; `header.api_version` chooses the encoding.
    pub fn request<R: Request>(header: &RequestHeader, request: &R) -> Frame {
        debug_assert_eq!(header.api_key, R::API as i16, "header and body are of one API");
        let mut writer = Writer::with_capacity(256);
        header.encode(&mut writer);
        request.encode(&mut writer, header.api_version);
        writer.finish()
    }

    /// Encodes the response to a request of type `R` in `version`, behind its header.
    pub fn response<R: Request>(correlation_id: i32, version: i16, response: &R::Response) -> Frame {
        let mut writer = Writer::with_capacity(256);
        ResponseHeader { correlation_id }.encode(&mut writer, R::API.response_header_version(version));
        response.encode(&mut writer, version);
        writer.finish()
    }

    /// Bytes of all segments together: the value of the length prefix.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there is nothing to send.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The segments in order; none is empty.
    pub fn segments(&self) -> &[Bytes] {
        &self.segments
    }

    /// Gives the segments away, in order.
    pub fn into_segments(self) -> Vec<Bytes> {
        self.segments
    }

    /// The whole as one piece; copies unless there is one segment only.
    pub fn to_bytes(&self) -> Bytes {
        match self.segments.as_slice() {
            [] => Bytes::new(),
            [only] => only.clone(),
            segments => {
                let mut whole = BytesMut::with_capacity(self.len);
                for segment in segments {
                    whole.extend_from_slice(segment);
                }
                whole.freeze()
            }
        }
    }
}

impl From<Vec<Bytes>> for Frame {
    fn from(mut segments: Vec<Bytes>) -> Self {
        segments.retain(|segment| !segment.is_empty());
        let len = segments.iter().map(Bytes::len).sum();
        Self { segments, len }
    }
}

impl From<Bytes> for Frame {
    fn from(bytes: Bytes) -> Self {
        Self::from(vec![bytes])
    }
}
