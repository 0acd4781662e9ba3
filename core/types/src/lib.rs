//! The words every part of greentic-edge shares: tenant context, ids, messages, the envelope, subjects, values.
//!
//! Pure data. It leaves wire protocols to `greentic-channels`, storage to `greentic-session`, and knows no WIT:
//! guests and one host file translate between these types and the generated ones.

mod envelope;
mod ids;
mod message;
mod nearest;
mod tenant;
mod value;

pub mod subject;

pub use envelope::{Content, Envelope};
pub use ids::{InvalidId, check_id, outgoing_id};
pub use message::{Action, Attachment, Button, Message, MessageKind, Reply};
pub use nearest::nearest;
pub use tenant::{ChannelKey, TenantCtx};
pub use value::Value;
