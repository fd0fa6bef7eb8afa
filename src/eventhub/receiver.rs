//! The link that brings the events of one partition.

use std::sync::Arc;
use std::time::Duration;

use fe2o3_amqp::Receiver;
use fe2o3_amqp::link::RecvError;
use fe2o3_amqp::link::delivery::DeliveryInfo;
use fe2o3_amqp::link::receiver::CreditMode;
use fe2o3_amqp_types::definitions::{Fields, SenderSettleMode};
use fe2o3_amqp_types::messaging::{Body, Source};
use fe2o3_amqp_types::primitives::{Symbol, Value};
use tokio::task::unconstrained;
use tokio::time::timeout;
use tokio_util::task::TaskTracker;

use super::connection::{CLOSE_TIMEOUT, Connection};
use super::end_reason::{End, EndReason};
use super::fault;
use super::message::to_event;
use super::selector::filter;
use super::settings::HubSettings;
use crate::event::{Event, PartitionId};

/// Owner level of the bridge: the last one to attach has the partition.
pub(super) const EPOCH: i64 = 0;
/// Deliveries that a server sent unsettled are accepted together: one by one costs half as much CPU again.
const ACCEPT_BATCH: usize = 100;
/// The library answers a refused attach by one detach too many. While that is under way the next link must not be given the
/// handle that became free: it would be detached in place of the other.
const AFTERMATH: Duration = Duration::from_millis(20);
const RUNTIME_METRIC: &str = "com.microsoft:enable-receiver-runtime-metric";

/// An attached receiver. It is closed, never merely dropped: a delivery under way to a dropped receiver makes the
/// library end the session and the connection of every other partition on it.
#[derive(Debug)]
pub(super) struct Link {
    receiver: Option<Receiver>,
    connection: Arc<Connection>,
    partition: PartitionId,
    tasks: TaskTracker,
    unaccepted: Vec<DeliveryInfo>,
}

/// What a link brought.
#[derive(Debug)]
pub(super) enum Received {
    Event(Event),
    /// The library refused the delivery.
    Refused(Refusal),
    /// The link is over.
    Ended(End),
}

/// A delivery that the library refused.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Refusal {
    pub(super) detail: String,
    /// Whether the next delivery comes on the same link.
    pub(super) is_link_usable: bool,
    /// Whether the same delivery is refused each time, as opposed to a slip of the protocol.
    pub(super) is_certain: bool,
}

impl Link {
    /// Attaches to a partition. Without `epoch` any reader with one is left in peace, and refuses this one.
    pub(super) async fn attach(
        connection: Arc<Connection>,
        settings: &HubSettings,
        tasks: &TaskTracker,
        partition: &PartitionId,
        selector: &str,
        epoch: Option<i64>,
    ) -> Result<Self, End> {
        let address = format!(
            "{}/ConsumerGroups/{}/Partitions/{partition}",
            settings.hub.name, settings.consumer_group
        );
        let name = format!("{}-{partition}-{}", settings.receiver_name, uuid::Uuid::new_v4());
        let source = Source::builder()
            .address(address)
            .filter(filter(selector))
            .build();
        let attaching = async {
            let mut session = connection.session().await;
            let attached = Receiver::builder()
                .name(name.as_str())
                .source(source)
                .target(name.as_str())
                .sender_settle_mode(SenderSettleMode::Settled)
                .credit_mode(CreditMode::Manual)
                .properties(properties(settings, epoch))
                .add_desired_capabilities(RUNTIME_METRIC)
                // The service is free to write the filter and the target back in its own words.
                .verify_incoming_source(false)
                .verify_incoming_target(false)
                .attach(&mut *session)
                .await;
            if attached.is_err() {
                tokio::time::sleep(AFTERMATH).await;
            }
            attached
        };
        let attached = tokio::select! {
            biased;
            attached = timeout(settings.call_timeout, attaching) => attached,
            end = connection.ended() => return Err(connection.explain(end)),
        };
        let receiver = match attached {
            Ok(Ok(receiver)) => receiver,
            Ok(Err(error)) => return Err(connection.explain(fault::from_receiver_attach(&error))),
            Err(_) => {
                // A link that is half attached can be neither used nor closed.
                connection.retire();
                let detail = format!("partition `{partition}` was not attached in time");
                return Err(End::new(EndReason::Timeout, detail));
            }
        };
        Ok(Self {
            receiver: Some(receiver),
            connection,
            partition: partition.clone(),
            tasks: tasks.clone(),
            unaccepted: Vec::with_capacity(ACCEPT_BATCH),
        })
    }

    pub(super) fn connection(&self) -> &Connection {
        &self.connection
    }

    /// Deliveries that may still come for the credit given.
    pub(super) fn outstanding(&self) -> u32 {
        self.receiver.as_ref().map_or(0, Receiver::credit)
    }

    /// Gives credit for `credit` more deliveries and waits for the next one. Cancel-safe.
    pub(super) async fn receive(&mut self, credit: u32) -> Received {
        let Some(receiver) = &mut self.receiver else {
            return Received::Ended(End::new(EndReason::LinkDetached, "the link is closed"));
        };
        let outstanding = receiver.credit();
        // Refilled at half, so that one flow frame serves many events; never lowered, since the library takes
        // deliveries beyond a lowered credit for a fault.
        if credit > 0 && credit >= outstanding {
            // Unconstrained: given up half-way, the credit would be booked here and unknown to the peer.
            let raised = unconstrained(receiver.set_credit(outstanding.saturating_add(credit))).await;
            if let Err(error) = raised {
                return Received::Ended(self.connection.explain(fault::from_illegal_state(&error)));
            }
        }
        let delivery = match receiver.recv::<Body<Value>>().await {
            Ok(delivery) => delivery,
            Err(error) => return self.refused_or_ended(&error),
        };
        self.unaccepted.push(DeliveryInfo::from(&delivery));
        if self.unaccepted.len() >= ACCEPT_BATCH {
            let deliveries = std::mem::replace(&mut self.unaccepted, Vec::with_capacity(ACCEPT_BATCH));
            // A fault of the link shows at the next delivery; this one has arrived.
            let _ = unconstrained(receiver.accept_all(deliveries)).await;
        }
        match to_event(&self.partition, delivery.into_message()) {
            Ok(event) => Received::Event(event),
            Err(no_event) => Received::Refused(Refusal {
                detail: no_event.0.to_owned(),
                is_link_usable: true,
                is_certain: true,
            }),
        }
    }

    fn refused_or_ended(&self, error: &RecvError) -> Received {
        refusal(error).map_or_else(
            || Received::Ended(self.connection.explain(fault::from_recv(error))),
            Received::Refused,
        )
    }

    /// Closes the link, within a bound.
    pub(super) async fn close(mut self) {
        if let Some(receiver) = self.receiver.take() {
            close_receiver(receiver, Arc::clone(&self.connection)).await;
        }
    }
}

impl Drop for Link {
    /// The last resort where a reader is dropped and not closed.
    fn drop(&mut self) {
        if let Some(receiver) = self.receiver.take()
            && let Ok(runtime) = tokio::runtime::Handle::try_current()
        {
            let closing = close_receiver(receiver, Arc::clone(&self.connection));
            self.tasks.spawn_on(closing, &runtime);
        }
    }
}

async fn close_receiver(receiver: Receiver, connection: Arc<Connection>) {
    // A link that the peer has closed already says so here, which is no news.
    if timeout(CLOSE_TIMEOUT, receiver.close()).await.is_err() {
        connection.retire();
    }
}

fn properties(settings: &HubSettings, epoch: Option<i64>) -> Fields {
    let mut properties = Fields::new();
    if let Some(epoch) = epoch {
        properties.insert(Symbol::from("com.microsoft:epoch"), Value::Long(epoch));
    }
    properties.insert(
        Symbol::from("com.microsoft:receiver-name"),
        Value::String(settings.receiver_name.to_string()),
    );
    properties
}

fn refusal(error: &RecvError) -> Option<Refusal> {
    let (is_link_usable, is_certain) = match error {
        RecvError::MessageDecode(_) => (true, true),
        RecvError::IllegalRcvSettleModeInTransfer => (true, false),
        RecvError::MessageSizeExceeded(_) => (false, true),
        RecvError::DeliveryIdIsNone
        | RecvError::DeliveryTagIsNone
        | RecvError::InconsistentFieldInMultiFrameDelivery => (false, false),
        RecvError::LinkStateError(_)
        | RecvError::TransferLimitExceeded
        | RecvError::TransactionalAcquisitionIsNotImeplemented => return None,
    };
    Some(Refusal {
        detail: error.to_string(),
        is_link_usable,
        is_certain,
    })
}
