//! The id grammar, case by case.

use super::*;

const S: &str = "11112222-3333-4444-5555-666677778888";

/// Subscription, resource group, provider, type, name, parent.
type Parts<'a> = [Option<&'a str>; 6];

fn check(id: &str, expected: Parts<'_>) {
    let id = id.replace("{s}", S);
    for ((word, which), expected) in Part::ALL.into_iter().zip(expected) {
        let expected = expected.map(|expected| expected.replace("{s}", S));
        assert_eq!(part(&id, which).as_deref(), expected.as_deref(), "{word} of {id}");
        assert_eq!(Part::named(word), Some(which));
    }
}

#[test]
fn takes_ids_apart() {
    let s = Some("{s}");
    let security = Some("Microsoft.Security");
    let cases: [(&str, Parts<'_>); 16] = [
        (
            "/subscriptions/{s}",
            [s, None, None, Some("Microsoft.Resources/subscriptions"), s, None],
        ),
        (
            "/subscriptions/{s}/resourceGroups/app",
            [
                s,
                Some("app"),
                None,
                Some("Microsoft.Resources/subscriptions/resourceGroups"),
                Some("app"),
                None,
            ],
        ),
        (
            "/subscriptions/{s}/resourcegroups/app/providers/Microsoft.Compute/virtualMachines/vm-1",
            [
                s,
                Some("app"),
                Some("Microsoft.Compute"),
                Some("Microsoft.Compute/virtualMachines"),
                Some("vm-1"),
                None,
            ],
        ),
        (
            "/SUBSCRIPTIONS/AABB/RESOURCEGROUPS/APP/PROVIDERS/MICROSOFT.COMPUTE/VIRTUALMACHINES/VM-1",
            [
                Some("aabb"),
                Some("APP"),
                Some("MICROSOFT.COMPUTE"),
                Some("MICROSOFT.COMPUTE/VIRTUALMACHINES"),
                Some("VM-1"),
                None,
            ],
        ),
        (
            "/subscriptions/{s}/resourceGroups/app/providers/Microsoft.Sql/servers/sql-1/databases/db-1/",
            [
                s,
                Some("app"),
                Some("Microsoft.Sql"),
                Some("Microsoft.Sql/servers/databases"),
                Some("db-1"),
                None,
            ],
        ),
        (
            "/subscriptions/{s}/resourceGroups/app/providers/Microsoft.Compute/virtualMachines/vm-1/providers/microsoft.security/assessments/g1",
            [
                s,
                Some("app"),
                Some("microsoft.security"),
                Some("microsoft.security/assessments"),
                Some("g1"),
                Some(
                    "/subscriptions/{s}/resourceGroups/app/providers/Microsoft.Compute/virtualMachines/vm-1",
                ),
            ],
        ),
        (
            "/subscriptions/{s}/providers/Microsoft.Security/assessments/g1/subassessments/g2",
            [
                s,
                None,
                security,
                Some("Microsoft.Security/assessments/subassessments"),
                Some("g2"),
                Some("/subscriptions/{s}"),
            ],
        ),
        (
            "/subscriptions/{s}/resourceGroups/app/providers/Microsoft.Authorization/roleAssignments/r1/providers/Microsoft.Insights/settings/x",
            [
                s,
                Some("app"),
                Some("Microsoft.Insights"),
                Some("Microsoft.Insights/settings"),
                Some("x"),
                None,
            ],
        ),
        (
            "/subscriptions/{s}/resourcegroups/mc/providers/microsoft.security/securityconnectors/aws/securityentitydata/aws-ecr-repository-x-eu-west-1/providers/Microsoft.Security/assessments/g1",
            [
                s,
                Some("mc"),
                security,
                Some("Microsoft.Security/assessments"),
                Some("g1"),
                Some(
                    "/subscriptions/{s}/resourcegroups/mc/providers/microsoft.security/securityconnectors/aws/securityentitydata/aws-ecr-repository-x-eu-west-1",
                ),
            ],
        ),
        (
            "/subscriptions/{s}/resourcegroups/mc/providers/Microsoft.Security/securityConnectors/gcp/securityentitydata/gcp-clusters-c1-europe-west1-b",
            [
                s,
                Some("mc"),
                security,
                Some("Microsoft.Security/securityConnectors/securityentitydata"),
                Some("gcp-clusters-c1-europe-west1-b"),
                Some("/subscriptions/{s}/resourcegroups/mc"),
            ],
        ),
        (
            "/subscriptions/{s}/resourceGroups/d/providers/Microsoft.Security/securityConnectors/c/devops/default/gitHubOwners/o/repos/r",
            [
                s,
                Some("d"),
                security,
                Some("Microsoft.Security/securityConnectors/devops/gitHubOwners/repos"),
                Some("r"),
                Some("/subscriptions/{s}/resourceGroups/d"),
            ],
        ),
        (
            "/subscriptions/{s}/resourceGroups/k/providers/Microsoft.ContainerService/managedClusters/c/securityentitydata/namespace-n-pod-*-container-x",
            [
                s,
                Some("k"),
                Some("Microsoft.ContainerService"),
                Some("Microsoft.ContainerService/managedClusters/securityentitydata"),
                Some("namespace-n-pod-*-container-x"),
                None,
            ],
        ),
        (
            "/providers/Microsoft.Management/managementGroups/mg/providers/Microsoft.Security/secureScores/ascScore",
            [
                None,
                None,
                security,
                Some("Microsoft.Security/secureScores"),
                Some("ascScore"),
                Some("/providers/Microsoft.Management/managementGroups/mg"),
            ],
        ),
        (
            "/providers/Microsoft.Management/managementGroups/mg",
            [
                None,
                None,
                Some("Microsoft.Management"),
                Some("Microsoft.Management/managementGroups"),
                Some("mg"),
                None,
            ],
        ),
        (
            "/subscriptions/{s}/identities/o1",
            [s, None, None, None, Some("o1"), None],
        ),
        (
            "/providers/Microsoft.Security/assessments/g1",
            [
                None,
                None,
                security,
                Some("Microsoft.Security/assessments"),
                Some("g1"),
                None,
            ],
        ),
    ];
    for (id, expected) in cases {
        check(id, expected);
    }
}

#[test]
fn other_texts_have_no_parts() {
    let texts = [
        "",
        "/",
        "//",
        "vm-1",
        "subscriptions/x/resourceGroups/y",
        "/subscriptions",
        "/subscriptions/",
        "/repositories/app/images/sha256:00ff",
        "123456789012.dkr.ecr.eu-west-1.amazonaws.com/app@sha256:00ff",
        "arn:aws:ec2:eu-west-1:123456789012:instance/i-0",
        "https://example.com/subscriptions/x",
    ];
    for text in texts {
        for (word, which) in Part::ALL {
            assert_eq!(part(text, which), None, "{word} of {text}");
        }
    }
}

#[test]
fn an_item_is_cut_off_and_a_connector_is_not() {
    let vm = "/subscriptions/s/resourceGroups/g/providers/Microsoft.Compute/virtualMachines/v";
    let connector = "/subscriptions/s/resourceGroups/g/providers/Microsoft.Security/securityConnectors/c/securityentitydata/e";
    for resource in [vm, connector, "/subscriptions/s", "not an id"] {
        assert_eq!(without_item(resource), resource);
        let item_id = format!("{resource}/providers/microsoft.security/Assessments/g1/subAssessments/g2");
        assert_eq!(without_item(&item_id), resource);
        assert_eq!(item(&item_id), Some("Assessments/g1/subAssessments/g2"));
    }
}

#[test]
fn finds_the_segment_after_a_word() {
    let link = "https://portal.azure.com/#blade/AlertBlade/alertId/a1/subscriptionId/S1/resourceGroup/g/location/westeurope?x=1";
    let cases = [
        (link, "subscriptionid", Some("S1")),
        (link, "location", Some("westeurope")),
        (link, "x", None),
        ("/a/b/A/c", "a", Some("b")),
        ("/a//b", "a", None),
        ("/a", "a", None),
        ("", "a", None),
    ];
    for (text, word, expected) in cases {
        assert_eq!(segment_after(text, word), expected, "{word} in {text}");
    }
}
