//! Publishes shares on the LAN: Services with balancer addresses become records on the Avahi bus. What the shares are is the
//! fleet's business; this only watches, and says.
