//! The API server of the tests itself: ready, restarted, and with the kinds that are not Kubernetes' own.

#![expect(clippy::unwrap_used, reason = "a test")]

mod apiserver;

use apiserver::{ApiServer, definitions};
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::api::{Api, PostParams};
use kube::config::{KubeConfigOptions, Kubeconfig};

async fn client(server: &ApiServer) -> kube::Client {
    let kubeconfig = Kubeconfig::read_from(server.kubeconfig()).unwrap();
    let config = kube::Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default()).await.unwrap();
    kube::Client::try_from(config).unwrap()
}

#[tokio::test]
async fn it_is_ready_knows_our_kinds_and_comes_back() {
    let Some(mut server) = ApiServer::start() else { return };
    let client = client(&server).await;
    let kinds: Api<CustomResourceDefinition> = Api::all(client.clone());
    for definition in definitions().unwrap_or_default() {
        let definition: CustomResourceDefinition = serde_json::from_value(definition).unwrap();
        kinds.create(&PostParams::default(), &definition).await.unwrap();
    }
    let before = kinds.list(&kube::api::ListParams::default()).await.unwrap().items.len();
    server.restart();
    let after = kinds.list(&kube::api::ListParams::default()).await.unwrap().items.len();
    assert_eq!(before, after);
    println!("{before} kinds, {}", client.apiserver_version().await.unwrap().git_version);
}
