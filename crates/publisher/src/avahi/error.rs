//! What goes wrong at the desk.

/// Why something could not be said or heard.
#[derive(Debug, thiserror::Error)]
pub enum DeskError {
    /// No bus.
    #[error("the system bus cannot be reached: {0}; is dbus running (systemctl status dbus)?")]
    Bus(#[source] zbus::Error),
    /// The bus or avahi-daemon did not do as asked.
    #[error("Avahi's {method} failed: {source}")]
    Call {
        /// Which method.
        method: &'static str,
        /// Why.
        source: zbus::Error,
    },
}

impl DeskError {
    /// Is it avahi-daemon's own answer, so that it and the bus are there and only this one thing was refused?
    pub(super) fn answer(&self) -> Option<(&str, &str)> {
        match self {
            Self::Call { source: zbus::Error::MethodError(name, text, _), .. } => {
                let name = name.as_str();
                let avahi = name.strip_prefix("org.freedesktop.Avahi.")?;
                Some((avahi, text.as_deref().unwrap_or(name)))
            }
            _ => None,
        }
    }
}
