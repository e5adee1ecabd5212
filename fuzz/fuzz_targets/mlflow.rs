//! Responses of an MLflow server. The first byte selects the request and the status.

#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use mlflow_client::{Client, Config, RunQuery};
use pet_fuzz::Server;

static SERVER: LazyLock<(Server, Client)> = LazyLock::new(|| {
    let server = Server::start();
    let mut config = Config::new(server.url().parse().expect("an address"));
    config.http.max_retries = 0;
    let client = Client::open(&config).expect("a client");
    (server, client)
});

const STATUSES: [u16; 4] = [200, 200, 400, 404];

/// Every request whose response is parsed.
const REQUESTS: [fn(&Client); 12] = [
    |client| drop(client.run("1")),
    |client| drop(client.search_runs(&RunQuery::new("1")).collect::<Vec<_>>()),
    |client| drop(client.metric_history("1", "loss")),
    |client| drop(client.experiments()),
    |client| drop(client.find_experiment("pets")),
    |client| drop(client.registered_model("pets")),
    |client| drop(client.registered_models().collect::<Vec<_>>()),
    |client| drop(client.model_versions("pets").collect::<Vec<_>>()),
    |client| drop(client.model_version_by_alias("pets", "champion")),
    |client| drop(client.download_uri("pets", 1)),
    |client| drop(client.server_version()),
    |client| drop(client.artifacts("mlflow-artifacts:/1").and_then(|artifacts| artifacts.list(""))),
];

fuzz_target!(init: pet_fuzz::start("mlflow", 64 << 20), |data: &[u8]| {
    let Some((choice, body)) = data.split_first() else {
        return;
    };
    let (server, client) = &*SERVER;
    let choice = usize::from(*choice);
    server.set_response(STATUSES[choice / REQUESTS.len() % STATUSES.len()], body);
    REQUESTS[choice % REQUESTS.len()](client);
});
