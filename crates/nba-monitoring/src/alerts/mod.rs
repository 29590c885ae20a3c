//! Who is told, when, and again.
//!
//! Rules decide, channels deliver. A check that goes into alarm is announced once per channel whose rules it meets; while nobody
//! acknowledges it there are reminders, and after 30, 60 and 120 minutes the next circle of people is told. A check that
//! flaps is announced once in 30 minutes. Quiet hours hold back what can wait, never what is critical. Notices that cannot
//! be delivered are kept and tried again, those that say *resolved* included: the legacy platform lost both (monitoring
//! dossier 2.5). What makes two alarms the same is the check and its level, not the message, which has numbers in it that change.
//!
//! [`Alerting`] decides and is kept with the state of the watch; [`deliver`] hands a notice to a program or an address.

mod channel;
mod decide;
#[cfg(feature = "email")]
mod email;
mod settings;
#[cfg(feature = "sns")]
mod sns;
#[cfg(test)]
mod tests;
#[cfg(feature = "webhook")]
mod webhook;

pub use self::channel::{DeliveryError, deliver, send_heartbeat};
pub use self::decide::{Alerting, Notice, NoticeKind, Outgoing};
pub use self::settings::{
    AlertSettings, Channel, Email, Kind, QuietHours, SecretUrl, Severity, SmtpSecurity, Sns,
};
