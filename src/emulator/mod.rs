//! A hub and a receiver to run against.

pub mod event_hub; // an event hub over AMQP 1.0
