mod environment;
mod secrets;

use std::io::Write;
use std::net::SocketAddr;

use tempfile::NamedTempFile;

use super::*;

fn with(variables: &[(&str, &str)]) -> Result<Config, ConfigError> {
    over(None, variables)
}

fn over(file: Option<&Path>, variables: &[(&str, &str)]) -> Result<Config, ConfigError> {
    let named =
        |(name, value): &(&str, &str)| (format!("NEXUS_GATEWAY__{name}"), (*value).to_owned());
    Config::load(file, variables.iter().map(named))
}

fn file(content: &str) -> NamedTempFile {
    let mut file = NamedTempFile::new().unwrap();
    file.write_all(content.as_bytes()).unwrap();
    file
}

fn refused(variables: &[(&str, &str)]) -> String {
    with(variables).unwrap_err().to_string()
}

#[test]
fn without_anything_the_documented_defaults_are_in_force() {
    let config = with(&[]).unwrap();
    assert_eq!(
        config.server.listen,
        SocketAddr::from(([127, 0, 0, 1], 8080))
    );
    assert_eq!(
        config.server.internal_listen,
        SocketAddr::from(([127, 0, 0, 1], 4004))
    );
    assert!(config.database.url.is_none());
    assert!(config.outbound.allow_networks.is_empty());
    let schedule = [
        5.0, 30.0, 120.0, 600.0, 1_800.0, 7_200.0, 21_600.0, 43_200.0,
    ];
    assert_eq!(config.webhook.retry_schedule_seconds, schedule);
    assert_eq!(config.dispatch.message_age_max_seconds, 259_200);
    assert_eq!(config.receipts.parked_max, 100_000);
    assert_eq!(config.content.parts_max, 50);
}

#[test]
fn every_key_is_in_the_documented_file() {
    for (section, key) in Config::known_keys().all() {
        let from = BUILT_IN.find(&format!("\n[{section}]\n")).unwrap() + 1;
        let text = &BUILT_IN[from..];
        let text = &text[..text.find("\n\n[").unwrap_or(text.len())];
        let has_line = |start: String| text.lines().any(|line| line.starts_with(&start));
        assert!(
            has_line(format!("{key} = ")) || has_line(format!("# {key} = ")),
            "{section}.{key}"
        );
    }
}

#[test]
fn the_environment_goes_over_the_file_and_the_file_over_the_defaults() {
    let file = file("[dispatch]\nlease_seconds = 7\nmax_in_flight = 300\n");
    let config = over(Some(file.path()), &[("DISPATCH__MAX_IN_FLIGHT", "400")]).unwrap();
    assert_eq!(config.dispatch.max_in_flight, 400);
    assert!((config.dispatch.lease_seconds - 7.0).abs() < f64::EPSILON);
    assert_eq!(config.dispatch.breaker_failures, 10);
}

#[test]
fn texts_of_the_environment_become_what_their_key_is() {
    let config = with(&[
        ("SERVER__LISTEN", "0.0.0.0:80"),
        ("OUTBOUND__ALLOW_NETWORKS", "127.0.0.0/8, ::1/128"),
        ("OUTBOUND__HTTPS_ONLY", "true"),
        ("WEBHOOK__RETRY_SCHEDULE_SECONDS", "0.05,1,2.5"),
        ("DISPATCH__BREAKER_SECONDS", "1,60"),
        ("DISPATCH__LEASE_SECONDS", "0.5"),
        ("LOGGING__FORMAT", "json"),
    ]);
    let config = config.unwrap();
    assert_eq!(config.server.listen.port(), 80);
    assert_eq!(config.outbound.allow_networks.len(), 2);
    assert!(config.outbound.https_only);
    assert_eq!(config.webhook.retry_schedule_seconds, [0.05, 1.0, 2.5]);
    assert_eq!(config.dispatch.breaker_seconds.to_vec(), [1.0, 60.0]);
    assert_eq!(
        config.logging.format,
        crate::platform::telemetry::LogFormat::Json
    );
}

#[test]
fn an_empty_variable_is_as_if_it_were_not_set_and_empties_a_list() {
    let variables = [
        ("SERVER__LISTEN", ""),
        ("DATABASE__URL", ""),
        ("WEBHOOK__RETRY_SCHEDULE_SECONDS", ""),
    ];
    let config = with(&variables).unwrap();
    assert_eq!(config.server.listen.port(), 8080);
    assert!(config.database.url.is_none());
    assert!(config.webhook.retry_schedule_seconds.is_empty());
}

#[test]
fn variables_of_others_are_left_alone() {
    let of_kubernetes = (
        "NEXUS_GATEWAY_PORT".to_owned(),
        "tcp://10.0.0.1:80".to_owned(),
    );
    assert!(Config::load(None, [of_kubernetes].into_iter()).is_ok());
}

#[test]
fn an_unknown_key_refuses_to_start_and_near_ones_are_named() {
    let sentence = refused(&[("SERVER__LISTN", "127.0.0.1:1")]);
    let expected = "server.listn (environment NEXUS_GATEWAY__SERVER__LISTN) is no key of the configuration; \
                    near it are server.listen";
    assert_eq!(sentence, expected);
    assert!(
        refused(&[("SERVER__MAX_IN_FLIGHT", "5")]).ends_with("near it are dispatch.max_in_flight")
    );
    let sentence = refused(&[("LISTEN", "127.0.0.1:1")]);
    assert!(sentence.starts_with("listen (environment"), "{sentence}");
    assert!(
        sentence.ends_with("near it are server.listen"),
        "{sentence}"
    );

    let file = file("[servr]\nlisten = \"127.0.0.1:1\"\n");
    let sentence = over(Some(file.path()), &[]).unwrap_err().to_string();
    assert!(sentence.starts_with("servr.listen (file "), "{sentence}");
    assert!(
        sentence.ends_with("near it are server.listen"),
        "{sentence}"
    );
}

#[test]
fn a_key_without_a_section_refuses_to_start() {
    let file = file("listen = \"127.0.0.1:1\"\n");
    let sentence = over(Some(file.path()), &[]).unwrap_err().to_string();
    assert!(sentence.starts_with("listen (file "), "{sentence}");
}

#[test]
fn a_value_of_another_kind_is_refused_with_its_key_and_place() {
    let cases = [
        (
            "SERVER__LISTEN",
            "everywhere",
            "server.listen (environment NEXUS_GATEWAY__SERVER__LISTEN) cannot be read",
        ),
        (
            "DISPATCH__MAX_IN_FLIGHT",
            "many",
            "dispatch.max_in_flight (environment",
        ),
        (
            "DISPATCH__BREAKER_SECONDS",
            "30",
            "dispatch.breaker_seconds (environment",
        ),
        (
            "DISPATCH__BREAKER_SECONDS",
            "30,60,90",
            "dispatch.breaker_seconds (environment",
        ),
        (
            "WEBHOOK__RETRY_SCHEDULE_SECONDS",
            "1,soon",
            "webhook.retry_schedule_seconds[1] (environment",
        ),
        (
            "OUTBOUND__HTTPS_ONLY",
            "yes",
            "outbound.https_only (environment",
        ),
        ("LOGGING__FORMAT", "xml", "logging.format (environment"),
    ];
    for (name, value, start) in cases {
        let sentence = refused(&[(name, value)]);
        assert!(sentence.starts_with(start), "{name}: {sentence}");
    }
}

#[test]
fn a_value_out_of_its_range_is_refused() {
    let cases = [
        (
            "SERVER__DRAIN_DELAY_SECONDS",
            "10.5",
            "server.drain_delay_seconds must be 0 to 10",
        ),
        (
            "DISPATCH__LEASE_SECONDS",
            "NaN",
            "dispatch.lease_seconds must be 0.2 to 300",
        ),
        (
            "CONTENT__PARTS_MAX",
            "0",
            "content.parts_max must be 1 to 1000",
        ),
        (
            "WEBHOOK__RETRY_SCHEDULE_SECONDS",
            "1,-1",
            "each of webhook.retry_schedule_seconds must be 0 to 604800",
        ),
        (
            "SERVER__PUBLIC_URL",
            "gateway.example.com",
            "server.public_url must be http:// or https:// with a host, and no query",
        ),
        (
            "LOGGING__FILTER",
            "a=b=c",
            "logging.filter must be a level and exceptions from it, such as info,sqlx=warn",
        ),
    ];
    for (name, value, sentence) in cases {
        assert_eq!(refused(&[(name, value)]), sentence);
    }
    assert!(
        with(&[(
            "SERVER__PUBLIC_URL",
            "https://gateway.example.com:8443/nexus"
        )])
        .is_ok()
    );
}

#[test]
fn contradictions_are_refused_with_both_keys() {
    let cases = [
        (
            &[("RETENTION__MESSAGES_DAYS", "33")][..],
            [
                "retention.messages_days",
                "dispatch.message_age_max_seconds",
            ],
        ),
        (
            &[("SERVER__INTERNAL_LISTEN", "127.0.0.1:8080")],
            ["server.listen", "server.internal_listen"],
        ),
        (
            &[("SERVER__WORK_TIMEOUT_SECONDS", "46")],
            [
                "server.work_timeout_seconds",
                "server.answer_timeout_seconds",
            ],
        ),
        (
            &[("DISPATCH__LANE_MAX_IN_FLIGHT", "2000")],
            ["dispatch.lane_max_in_flight", "dispatch.max_in_flight"],
        ),
        (
            &[("DISPATCH__BREAKER_SECONDS", "60,30")],
            ["first of dispatch.breaker_seconds", "second"],
        ),
        (
            &[("DISPATCH__MESSAGE_AGE_MAX_SECONDS", "59")],
            [
                "dispatch.head_hold_seconds",
                "dispatch.message_age_max_seconds",
            ],
        ),
        (
            &[("SERVER__BODY_TIMEOUT_SECONDS", "50")],
            [
                "server.body_timeout_seconds",
                "server.answer_timeout_seconds",
            ],
        ),
    ];
    for (variables, keys) in cases {
        let sentence = refused(variables);
        assert!(keys.iter().all(|key| sentence.contains(key)), "{sentence}");
    }
    assert!(with(&[("RETENTION__MESSAGES_DAYS", "34")]).is_ok());
    let any_port = [
        ("SERVER__LISTEN", "127.0.0.1:0"),
        ("SERVER__INTERNAL_LISTEN", "127.0.0.1:0"),
    ];
    assert!(with(&any_port).is_ok(), "port 0 is another port each time");
}

#[test]
fn a_file_that_is_no_toml_is_refused_with_its_line_and_without_its_content() {
    let file = file("[security]\nmaster_key = c2VjcmV0\n");
    let sentence = over(Some(file.path()), &[]).unwrap_err().to_string();
    assert!(sentence.starts_with("line 2 of file "), "{sentence}");
    assert!(!sentence.contains("c2VjcmV0"), "{sentence}");
    let missing = over(Some(Path::new("/nowhere/gateway.toml")), &[]).unwrap_err();
    assert!(
        missing
            .to_string()
            .starts_with("the configuration file /nowhere/gateway.toml cannot be read")
    );
}

#[test]
fn the_description_says_what_is_in_force_and_where_it_comes_from_but_no_secret() {
    let secret = file("c2VjcmV0");
    let config = with(&[
        ("SECURITY__MASTER_KEY_FILE", secret.path().to_str().unwrap()),
        (
            "DATABASE__URL",
            "postgres://nexus:p@ssword@database:5432/nexus?password=hidden",
        ),
        ("DISPATCH__MAX_IN_FLIGHT", "512"),
    ]);
    let text = config.unwrap().describe();
    for line in [
        "max_in_flight = 512   # environment NEXUS_GATEWAY__DISPATCH__MAX_IN_FLIGHT".to_owned(),
        "lane_max_in_flight = 256   # built in".to_owned(),
        "listen = \"127.0.0.1:8080\"   # built in".to_owned(),
        "# public_url is not set".to_owned(),
        "url = \"postgres://nexus:********@database:5432/nexus?********\"   # environment NEXUS_GATEWAY__DATABASE__URL"
            .to_owned(),
        format!("master_key = \"********\"   # content of {}", secret.path().display()),
    ] {
        assert!(text.lines().any(|found| found == line), "{line}\n{text}");
    }
    for hidden in ["c2VjcmV0", "ssword@", "hidden"] {
        assert!(!text.contains(hidden), "{text}");
    }
    assert!(
        toml::from_str::<toml::Table>(&text).is_ok(),
        "it is TOML:\n{text}"
    );
}
