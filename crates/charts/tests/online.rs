//! A chart repository and a registry on loopback: what is asked of them, and what comes of it.

use charts::{Break, Fetch, From, Pin, SurveyError, propose, survey};
use serde_json::json;
use sha2::{Digest as _, Sha256};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{TcpListener, TcpStream};
use std::process::Command;

/// What lies at each address: status, more lines of the head, body.
type Pages = BTreeMap<String, (u16, String, Vec<u8>)>;

/// A server on loopback, for as long as the test runs; `pages` are made for its address.
fn serve(pages: impl FnOnce(&str) -> Pages) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("loopback");
    let address = listener.local_addr().expect("an address").to_string();
    let pages = pages(&address);
    std::thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            let _ = answer(&stream, &pages);
        }
    });
    address
}

fn answer(mut stream: &TcpStream, pages: &Pages) -> std::io::Result<()> {
    let mut lines = BufReader::new(stream).lines();
    let request = lines.next().transpose()?.unwrap_or_default();
    let mut authorized = false;
    for line in lines.map_while(Result::ok).take_while(|line| !line.is_empty()) {
        authorized |= line.eq_ignore_ascii_case("authorization: bearer for-everybody");
    }
    let path = request.split(' ').nth(1).unwrap_or_default().to_owned();
    let known = pages.get(&path).or_else(|| pages.get(&format!("{path} with token")).filter(|_| authorized));
    let (status, head, body) = match known {
        Some(page) => page.clone(),
        None if pages.contains_key(&format!("{path} with token")) => pages["token wanted"].clone(),
        None => (404, String::new(), Vec::new()),
    };
    write!(stream, "HTTP/1.1 {status} X\r\nContent-Length: {}\r\nConnection: close\r\n{head}\r\n", body.len())?;
    stream.write_all(&body)
}

/// A chart's archive.
fn chart(files: &[(&str, &str)]) -> Vec<u8> {
    let dir = tempfile::tempdir().expect("a directory");
    for (name, text) in files {
        let path = dir.path().join("box").join(name);
        std::fs::create_dir_all(path.parent().expect("a parent")).expect("a directory");
        std::fs::write(path, text).expect("a file");
    }
    let made = Command::new("tar").arg("-czC").arg(dir.path()).args(["-f", "-", "box"]).output().expect("tar");
    made.stdout
}

fn repository(tampered: bool) -> String {
    serve(|_| {
        let old = chart(&[
            ("Chart.yaml", "name: box"),
            ("values.yaml", "speaker:\n  frr:\n    enabled: true\nreplicas: 1\n"),
            ("charts/inner/Chart.yaml", "name: inner"),
            ("charts/inner/values.yaml", "port: 1\nold: true\n"),
        ]);
        let new = chart(&[
            ("Chart.yaml", "name: box"),
            ("values.yaml", "speaker: {}\nreplicas: 1\n"),
            ("values.schema.json", r#"{ "properties": { "replicas": { "type": "integer", "maximum": 2 } } }"#),
            ("charts/inner/Chart.yaml", "name: inner"),
            ("charts/inner/values.yaml", "port: 1\n"),
        ]);
        let mut index = "apiVersion: v1\nentries:\n  box:\n".to_owned();
        for (version, archive) in [("1.9.0", &old), ("1.10.0", &new)] {
            let digest = Sha256::digest(archive).iter().fold(String::new(), |text, byte| format!("{text}{byte:02x}"));
            let digest = if tampered { digest.replace(['0', '1'], "2") } else { digest };
            let _ = writeln!(index, "  - {{ version: {version}, urls: [box-{version}.tgz], digest: {digest} }}");
        }
        index.push_str("  - { version: 2.0.0-rc.1, urls: [] }\n  - { version: 1.11.0, deprecated: true, urls: [] }\n");
        let page = |body: Vec<u8>| (200, String::new(), body);
        [
            ("/charts/index.yaml", page(index.into_bytes())),
            ("/charts/box-1.9.0.tgz", page(old)),
            ("/charts/box-1.10.0.tgz", page(new)),
        ]
        .map(|(path, page)| (path.to_owned(), page))
        .into()
    })
}

fn pin(from: From, version: &str) -> Pin {
    Pin { name: "box".to_owned(), from, version: version.to_owned() }
}

#[test]
fn a_repository_tells_what_is_outdated_and_what_the_new_version_would_break() {
    let from = || From::Charts(format!("http://{}/charts", repository(false)));
    let found = survey(Fetch, vec![pin(from(), "1.9.0"), pin(from(), "1.10.0")], false);
    let newest: Vec<_> = found.iter().map(|it| (it.newest.as_deref().ok(), it.is_outdated())).collect();
    assert_eq!(newest, [(Some("1.10.0"), true), (Some("1.10.0"), false)]);
    let found = survey(Fetch, vec![pin(from(), "1.9.0")], true);
    assert_eq!(found[0].newest.as_deref().ok(), Some("2.0.0-rc.1"));

    let ours =
        json!({ "speaker": { "frr": { "enabled": false } }, "replicas": 3, "inner": { "port": 2, "old": false } });
    let proposal = propose(Fetch, &pin(from(), "1.9.0"), None, false, Some(&ours)).expect("a proposal");
    assert_eq!(proposal.version, "1.10.0");
    let text: Vec<String> = proposal.breaks.iter().map(ToString::to_string).collect();
    for at in ["`speaker.frr`", "`inner.old`", "`replicas`"] {
        assert!(text.iter().any(|line| line.starts_with(at)), "{at}: {text:#?}");
    }
    assert_eq!(proposal.breaks.len(), 3, "{text:#?}");
    assert!(matches!(proposal.breaks[0], Break::Gone(_)));
    let fine = propose(Fetch, &pin(from(), "1.9.0"), Some("1.10.0"), false, Some(&json!({ "replicas": 2 })));
    assert_eq!(fine.expect("a proposal").breaks, []);

    let none = propose(Fetch, &pin(from(), "1.9.0"), Some("3.0.0"), false, Some(&ours)).expect_err("no such version");
    assert_eq!(none.to_string(), "box: there is no version 3.0.0; the newest is 1.10.0");
}

#[test]
fn an_archive_that_is_not_the_indexs_is_not_used() {
    let from = From::Charts(format!("http://{}/charts", repository(true)));
    let refused = propose(Fetch, &pin(from, "1.9.0"), None, false, Some(&json!({}))).expect_err("another archive");
    assert!(matches!(refused, SurveyError::Unpack(charts::UnpackError::Digest { .. })), "{refused}");
}

#[test]
fn a_registry_gives_its_tags_by_pages_to_everybody_with_a_token() {
    let registry = serve(|address| {
        let challenge = format!(
            "WWW-Authenticate: Bearer realm=\"http://{address}/token\",service=\"reg\",scope=\"repository:a/box:pull\"\r\n"
        );
        let link = "Link: </v2/a/box/tags/list?last=v1.9.0>; rel=\"next\"\r\n".to_owned();
        let page = |head: String, body: &str| (200, head, body.as_bytes().to_vec());
        [
            ("token wanted", (401, challenge, Vec::new())),
            ("/token?service=reg&scope=repository:a/box:pull", page(String::new(), r#"{"token":"for-everybody"}"#)),
            ("/v2/a/box/tags/list with token", page(link, r#"{"tags":["latest","v1.10.0-rc.0","v1.9.0"]}"#)),
            ("/v2/a/box/tags/list?last=v1.9.0 with token", page(String::new(), r#"{"tags":["v1.9.10","v1.9.2"]}"#)),
        ]
        .map(|(path, page)| (path.to_owned(), page))
        .into()
    });
    let pin = pin(From::Tags(format!("{registry}/a/box")), "v1.9.0");
    let found = survey(Fetch, vec![pin.clone()], false);
    assert_eq!(found[0].newest.as_deref().ok(), Some("v1.9.10"));
    assert!(found[0].is_outdated());
    let chosen = propose(Fetch, &pin, Some("v1.9.2"), false, None).expect("a proposal");
    assert_eq!((chosen.version.as_str(), chosen.breaks.len()), ("v1.9.2", 0));
}

#[test]
fn what_is_not_reached_says_where_and_why() {
    let address = serve(|_| Pages::new());
    let found = survey(Fetch, vec![pin(From::Charts(format!("http://{address}")), "1.0.0")], false);
    let error = found[0].newest.as_ref().expect_err("nothing there").to_string();
    assert!(error.contains(&address) && error.contains("404"), "{error}");
    // A port that nobody listens on any more.
    let gone = TcpListener::bind("127.0.0.1:0").and_then(|it| it.local_addr()).expect("loopback");
    let found = survey(Fetch, vec![pin(From::Tags(format!("{gone}/a/box")), "v1.0.0")], false);
    let error = found[0].newest.as_ref().expect_err("nobody there").to_string();
    assert!(error.contains(&gone.to_string()), "{error}");
}
