//! DHL
