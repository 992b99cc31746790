//! The Klarna sandbox for a test: on loopback, its clock where every test begins, callbacks only when the test says so.

use aisle::sandbox::klarna::{Controls, Sandbox, Settings};

/// What a shop proves itself with at [`sandbox`].
pub const USERNAME: &str = "N100042_sandbox";
pub const PASSWORD: &str = "sandbox-password";
/// The same by the newer kind of credentials.
pub const API_KEY: &str = "klarna_test_api_sandbox";

/// A running sandbox. Nothing is saved, nobody is limited; [`Sandbox::advance_seconds`] moves its clock.
pub async fn sandbox() -> Sandbox {
    let settings = Settings {
        username: USERNAME.to_owned(),
        password: PASSWORD.to_owned(),
        api_key: API_KEY.to_owned(),
        clock_stands_at: Some(super::start_of_time()),
        ..Settings::local()
    };
    let sandbox = Sandbox::start(settings).await.expect("a sandbox");
    sandbox.set_callback_controls(Controls { hold: true, ..Controls::default() });
    sandbox
}
