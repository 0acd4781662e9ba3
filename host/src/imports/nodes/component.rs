//! `greentic:component@1.0.0`, world `component`: text in, outcome out.

use super::{Answer, Call, outcome, trapped};
use crate::bindings::component::{ComponentPre, Message};
use crate::sandbox::Sandbox;

pub async fn invoke(pre: &ComponentPre<Sandbox>, call: &Call<'_>) -> Answer {
    // The documented world has one entry; a name beside it would be read and ignored.
    if !call.is_execute() {
        return Err(call.no_operation());
    }
    let payload = &call.payload;
    let message = Message {
        id: payload.message_id.clone(),
        content: payload.content.clone(),
        sender: payload.sender.clone(),
        timestamp: payload.timestamp,
    };
    let mut store = call.store(pre.engine());
    let called = async {
        let instance = pre.instantiate_async(&mut store).await?;
        instance.call_execute(&mut store, &message).await
    };
    match called.await {
        Ok(told) => outcome(told.success, told.data, told.error),
        Err(error) => Err(trapped(&error, &store)),
    }
}
