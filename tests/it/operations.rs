//! Operations: staff sees what was given up, and tries it again or drops it; the pages need nobody else's network.

use aisle::identity::Role;
use aisle::jobs;
use reqwest::Method;

use crate::jobs::ask;
use crate::support::TestApp;

#[tokio::test]
async fn an_admin_sees_replays_and_drops_dead_letters() {
    let test = TestApp::new().await;
    let admin = test.staff(Role::Admin, &["*"]).await;
    ask(&test, "a").await;
    test.run_jobs().await;
    let dead = test.get("/v1/operations/jobs/dead").bearer(&admin).send().await.expect(200);
    assert_eq!((dead.text("/jobs/0/kind"), dead.text("/jobs/0/subject")), ("payments.operate", "a"));
    let job = format!("/v1/operations/jobs/{}", dead.text("/jobs/0/id"));
    test.call(Method::POST, &format!("{job}/replay")).bearer(&admin).send().await.expect(202);
    test.call(Method::POST, &format!("{job}/replay")).bearer(&admin).send().await.problem(404, "job_unknown");
    assert_eq!(test.run_jobs().await, 1, "it is tried again and dies again");
    test.call(Method::DELETE, &job).bearer(&admin).send().await.expect(204);
    test.call(Method::DELETE, &job).bearer(&admin).send().await.problem(404, "job_unknown");
    assert_eq!(jobs::counts(&test.app.db).await.expect("counted"), jobs::Counts::default());
}

#[tokio::test]
async fn dead_letters_are_for_admins_of_all_stores() {
    let test = TestApp::new().await;
    let path = "/v1/operations/jobs/dead";
    test.get(path).send().await.problem(401, "unauthenticated");
    for (role, stores) in [(Role::Supervisor, "*"), (Role::Admin, "0001")] {
        let staff = test.staff(role, &[stores]).await;
        test.get(path).bearer(&staff).send().await.problem(403, "role_missing");
    }
}

#[tokio::test]
async fn the_page_of_the_api_loads_nothing_from_elsewhere() {
    let test = TestApp::new().await;
    let page = test.get("/docs/").send().await.expect(200);
    let page = String::from_utf8(page.bytes).expect("text");
    let references = page.split(['"', '\'']).filter(|text| text.contains("//") && !text.contains('\n'));
    assert_eq!(references.collect::<Vec<_>>(), Vec::<&str>::new());
    for file in ["swagger-ui.css", "swagger-ui-bundle.js", "swagger-initializer.js"] {
        test.get(&format!("/docs/{file}")).send().await.expect(200);
    }
    assert_eq!(test.get("/openapi.json").send().await.expect(200).text("/info/title"), "Aisle");
}
