//! Request and answer over a pair of links, as `$cbs` and `$management` speak it.

use fe2o3_amqp::session::SessionHandle;
use fe2o3_amqp::{Receiver, Sender};
use fe2o3_amqp_types::messaging::{
    AmqpValue, ApplicationProperties, Body, IntoBody, Message, MessageId, Properties,
};
use fe2o3_amqp_types::primitives::{SimpleValue, Value};

use super::end_reason::{End, EndReason};
use super::fault;

/// A sender and a receiver on one node. Answers are matched to requests by their number, so that the late answer of
/// an abandoned request is passed over.
#[derive(Debug)]
pub(super) struct RequestLinks {
    sender: Sender,
    receiver: Receiver,
    reply_to: String,
    next_id: u64,
}

impl RequestLinks {
    /// Attaches both links; `name` must be unique within the connection.
    pub(super) async fn attach(session: &mut SessionHandle<()>, node: &str, name: &str) -> Result<Self, End> {
        let sender = Sender::builder()
            .name(format!("{name}-requests"))
            .target(node)
            .attach(session)
            .await
            .map_err(|error| fault::from_sender_attach(&error))?;
        let receiver = Receiver::builder()
            .name(format!("{name}-answers"))
            .source(node)
            .target(name)
            .auto_accept(true)
            .attach(session)
            .await;
        match receiver {
            Ok(receiver) => Ok(Self {
                sender,
                receiver,
                reply_to: name.to_owned(),
                next_id: 0,
            }),
            Err(error) => {
                // The half that stands must not be dropped; what its closing says adds nothing to the first error.
                let _ = sender.close().await;
                Err(fault::from_receiver_attach(&error))
            }
        }
    }

    /// Sends a request and waits for its answer; gives the body of a good one.
    pub(super) async fn call(
        &mut self,
        properties: ApplicationProperties,
        body: Value,
    ) -> Result<Value, End> {
        let id = MessageId::Ulong(self.next_id);
        self.next_id += 1;
        let message = Message::builder()
            .properties(Properties {
                message_id: Some(id.clone()),
                reply_to: Some(self.reply_to.clone()),
                ..Properties::default()
            })
            .application_properties(properties)
            .body(AmqpValue(body).into_body())
            .build();
        self.sender
            .send(message)
            .await
            .map_err(|error| fault::from_send(&error))?;
        loop {
            let delivery = self
                .receiver
                .recv::<Body<Value>>()
                .await
                .map_err(|error| fault::from_recv(&error))?;
            let answer = delivery.into_message();
            let correlation = answer
                .properties
                .as_ref()
                .and_then(|it| it.correlation_id.as_ref());
            if correlation == Some(&id) {
                return read_answer(answer);
            }
        }
    }

    /// Closes both links.
    pub(super) async fn close(self) {
        // Both are given up anyway: a link that cannot be closed is gone already.
        let _ = self.sender.close().await;
        let _ = self.receiver.close().await;
    }
}

fn read_answer(answer: Message<Body<Value>>) -> Result<Value, End> {
    let property = |names: [&str; 2]| {
        let properties = answer.application_properties.as_ref()?;
        names.iter().find_map(|name| properties.0.get(*name))
    };
    let text = |names| match property(names) {
        Some(SimpleValue::String(text)) => text.as_str(),
        Some(SimpleValue::Symbol(symbol)) => symbol.as_str(),
        _ => "",
    };
    let status = match property(["status-code", "statusCode"]) {
        Some(SimpleValue::Int(status)) => i64::from(*status),
        Some(SimpleValue::Uint(status)) => i64::from(*status),
        Some(SimpleValue::Long(status)) => *status,
        Some(SimpleValue::Ushort(status)) => i64::from(*status),
        _ => return Err(End::new(EndReason::Refused, "the answer has no status code")),
    };
    if !(200..300).contains(&status) {
        let description = text(["status-description", "statusDescription"]);
        let reason = match EndReason::of_condition(text(["error-condition", "errorCondition"]), description) {
            EndReason::Other => EndReason::of_status(status),
            reason => reason,
        };
        return Err(End::new(reason, format!("status {status}: {description}")));
    }
    match answer.body {
        Body::Value(AmqpValue(value)) => Ok(value),
        _ => Ok(Value::Null),
    }
}
