//! PayPal
