//! Files change under a running bridge, as editors, mounts and operators change them.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use super::harness::{Bridge, Hub, Receiver, SOON, TOKEN, wait_for};
use super::ledger::Tail;

/// Files as an orchestrator mounts them: links into `..data`, which is a link to the version in use.
struct Mount(PathBuf);

impl Mount {
    fn new(path: PathBuf, name: &str, text: &str) -> Self {
        fs::create_dir_all(&path).expect("the directory is ours");
        let mount = Self(path);
        mount.swap(name, text);
        symlink(format!("..data/{name}"), mount.0.join(name)).expect("the directory is ours");
        mount
    }

    /// Puts another version in place of the one in use, in one step, and removes the old one.
    fn swap(&self, name: &str, text: &str) {
        let old = fs::read_link(self.0.join("..data")).ok();
        let number = old.as_ref().map_or(1, |old| old.as_os_str().len());
        let version = format!("..{}", "v".repeat(number));
        fs::create_dir(self.0.join(&version)).expect("the directory is ours");
        fs::write(self.0.join(&version).join(name), text).expect("the directory is ours");
        symlink(&version, self.0.join("..data_tmp")).expect("the directory is ours");
        fs::rename(self.0.join("..data_tmp"), self.0.join("..data")).expect("the directory is ours");
        if let Some(old) = old {
            fs::remove_dir_all(self.0.join(old)).expect("it was in use before");
        }
    }
}

/// A bridge that is blocked by a wrong token, with everything it reads in files.
struct Scene {
    _hub: Hub,
    receiver: Tail,
    _receiver: Receiver,
    bridge: Bridge,
    directory: PathBuf,
    secret: Mount,
    maps: Mount,
    endpoint: String,
}

impl Scene {
    fn open(directory: &Path, watch: bool) -> Self {
        let line = r#"{"type":"Microsoft.Security/assessments","id":"/subscriptions/5d1f0b5e-0000-4000-8000-000000000001/providers/Microsoft.Compute/virtualMachines/item-{{sequence}}/providers/Microsoft.Security/assessments/3f8a1c52-6d0b-4e7f-9a41-0b5c2d8e6f17","properties":{"displayName":"Ports should be closed"}}"#;
        let events = directory.join("items.jsonl");
        fs::write(&events, line.to_owned() + "\n").expect("the directory is writable");
        let events = events.to_str().expect("temporary paths are UTF-8");
        let flow = [
            "--partitions",
            "2",
            "--events",
            events,
            "--repeat",
            "1000000",
            "--rate",
            "50",
        ];
        let hub = Hub::start(directory, &flow);
        let receiver = Receiver::start(directory, "receiver", 0, TOKEN);
        let secret = Mount::new(directory.join("secret"), "token", "wrong");
        let maps = Mount::new(directory.join("maps"), "assessment.yaml", &map(1));
        fs::write(directory.join("hub"), &hub.connection_string).expect("the directory is writable");
        let endpoint = format!("http://{}", receiver.address);
        fs::write(
            directory.join("bridge.yaml"),
            configuration(directory, &endpoint, watch, 50_000),
        )
        .expect("the directory is writable");
        Self {
            bridge: Bridge::start_file(directory, "bridge"),
            receiver: Tail::new(&receiver.events),
            directory: directory.to_owned(),
            _hub: hub,
            _receiver: receiver,
            secret,
            maps,
            endpoint,
        }
    }

    /// Replaces a file as editors do: the new text is written beside it and renamed.
    fn rename_over(&self, name: &str, text: &str) {
        let beside = self.directory.join(format!("{name}.new"));
        fs::write(&beside, text).expect("the directory is writable");
        fs::rename(beside, self.directory.join(name)).expect("the directory is writable");
    }

    #[track_caller]
    fn expect_generation(&mut self, generation: u32) {
        let text = format!("\"generation\":\"{generation}\"");
        wait_for(&format!("a record of generation {generation}"), SOON, || {
            let mut is_there = false;
            self.receiver
                .read(|line| is_there |= String::from_utf8_lossy(line).contains(&text));
            is_there.then_some(())
        });
    }

    /// Waits for a notice with `text`; the status must be that of a bridge at work.
    #[track_caller]
    fn expect_notice(&self, text: &str) {
        let (status, body) = wait_for(&format!("a notice with {text}"), SOON, || {
            self.bridge.ready().filter(|(_, body)| body.contains(text))
        });
        assert_eq!(status, 200, "{body}");
        assert_eq!(
            self.bridge.metric("hub2siem_config_last_reload_successful", &[]),
            0.0
        );
    }

    #[track_caller]
    fn expect_no_notice(&self) {
        wait_for("no notice", SOON, || {
            self.bridge.ready().filter(|(_, body)| !body.contains("notices"))
        });
        assert_eq!(
            self.bridge.metric("hub2siem_config_last_reload_successful", &[]),
            1.0
        );
    }
}

/// Scenario: a mounted token is rotated, a mounted map is swapped, the configuration is replaced by an editor; a map is
/// broken, and an option changed that needs a restart, and both are mended.
/// Guarantees: the token ends the block, each good change is in use without a restart, each bad one changes nothing,
/// is told by `/readyz` and a metric, and blocks no later change.
#[test]
fn changed_files_are_taken_over() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let directory = directory.path();
    let mut scene = Scene::open(directory, true);
    wait_for("a blocked target", SOON, || {
        scene
            .bridge
            .ready()
            .filter(|(_, body)| body.contains("authorization"))
    });
    scene.secret.swap("token", TOKEN);
    scene.expect_generation(1);
    wait_for("readiness", SOON, || {
        scene.bridge.ready().filter(|(status, _)| *status == 200)
    });

    scene.maps.swap("assessment.yaml", &map(2));
    scene.expect_generation(2);
    // Records go by the new map a moment before it is shown and counted.
    wait_for("the revision in use", SOON, || {
        let revisions = |revision| scene.bridge.metric("hub2siem_mapping_revision_info", &[revision]);
        let shown = (revisions("live/assessment@1"), revisions("live/assessment@2"));
        (shown == (0.0, 1.0)).then_some(())
    });

    scene.maps.swap(
        "assessment.yaml",
        "format: 1\nname: live/assessment\nfeilds: {}\n",
    );
    scene.expect_notice("assessment.yaml:3");
    assert!(scene.bridge.process.log_text().contains("mapping::unknown_key"));
    scene.maps.swap("assessment.yaml", &map(3));
    scene.expect_generation(3);
    scene.expect_no_notice();

    let endpoint = scene.endpoint.clone();
    scene.rename_over("bridge.yaml", &configuration(directory, &endpoint, true, 40_000));
    scene.expect_notice("`window.events` changed, which needs a restart");
    scene.rename_over("bridge.yaml", &configuration(directory, &endpoint, true, 50_000));
    scene.expect_no_notice();
    let route = format!(
        "{}    route: {{ $record.kind: [alert] }}\n",
        configuration(directory, &endpoint, true, 50_000)
    );
    scene.rename_over("bridge.yaml", &route);
    wait_for("filtered records", SOON, || {
        let labels = ["decision=\"filtered\""];
        (scene.bridge.metric("hub2siem_route_records_total", &labels) > 0.0).then_some(())
    });
    wait_for("the count of the last edition", SOON, || {
        (scene.bridge.metric("hub2siem_config_edition", &[]) >= 5.0).then_some(())
    });
    assert_eq!(scene.bridge.metric("hub2siem_config_edition", &[]), 5.0);
    assert_eq!(
        scene.bridge.metric("hub2siem_dead_letter_records_total", &[]),
        0.0
    );
    scene.bridge.process.stop();
}

/// Scenario: files are not watched; an operator changes the token and the map, then sends SIGHUP, then once more.
/// Guarantees: nothing is taken over before the signal and all of it after; a signal without a change changes nothing.
#[test]
fn sighup_reads_the_files_again() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let directory = directory.path();
    let mut scene = Scene::open(directory, false);
    let result = |scene: &Scene, result| scene.bridge.metric("hub2siem_config_reloads_total", &[result]);
    scene.bridge.process.signal("HUP");
    wait_for("a reload without a change", SOON, || {
        (result(&scene, "unchanged") == 1.0).then_some(())
    });
    scene.secret.swap("token", TOKEN);
    scene.maps.swap("assessment.yaml", &map(2));
    scene.bridge.process.signal("HUP");
    scene.expect_generation(2);
    // Records go by the new map a moment before that is counted.
    wait_for("the count of the reload", SOON, || {
        (result(&scene, "applied") == 1.0).then_some(())
    });
    assert_eq!(result(&scene, "invalid"), 0.0);
    scene.bridge.process.stop();
}

fn map(generation: u32) -> String {
    format!(
        "format: 1\nname: live/assessment\nrevision: {generation}\nrecord: assessment\noutput: json\n\
         fields: {{ generation: \"{generation}\" }}\n"
    )
}

fn configuration(directory: &Path, endpoint: &str, watch: bool, window_events: u32) -> String {
    let directory = directory.display();
    format!(
        "event_hub: {{ connection_string: {{ file: '{directory}/hub' }}, name: defender }}
checkpoint: {{ file: {{ directory: '{directory}/state' }} }}
dead_letter: {{ file: {{ directory: '{directory}/dead-letters' }} }}
window: {{ events: {window_events} }}
mappings_directory: '{directory}/maps'
reload: {{ watch: {watch} }}
http: {{ listen: \"127.0.0.1:0\" }}
log: {{ format: json, level: debug }}
targets:
  soc-splunk:
    splunk_hec:
      endpoints: ['{endpoint}']
      token: {{ file: '{directory}/secret/token' }}
      batch: {{ records: 100, linger: 100ms }}
    mapping: live
"
    )
}
