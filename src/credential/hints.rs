//! What an operator can do about a refusal, by the authority's numbers.

/// Numbers of `AADSTS…` and what mends them.
const FIXES: [(&[u32], &str); 9] = [
    (
        &[7_000_215],
        "give the value of the client secret, not its id, and of the application that `client_id` names",
    ),
    (
        &[7_000_222],
        "the client secret has expired: make a new one in the app registration, and put it where `credential.client_secret.secret` reads it; no restart is needed",
    ),
    (
        &[700_016, 7_000_229],
        "compare `client_id` with the app registration, and `tenant_id` with the tenant that it is in",
    ),
    (
        &[90_002, 900_021, 900_023],
        "compare `tenant_id` with the directory's id, and see that `cloud` is the one of that tenant",
    ),
    (
        &[700_027],
        "upload this certificate to the app registration (Certificates & secrets), or renew it if it has expired",
    ),
    (&[700_024, 500_133], "set the clock of this machine"),
    (
        &[70_021, 700_211, 700_212, 700_213],
        "compare issuer, subject and audience of the federated credential with the service account",
    ),
    (
        &[70_011, 500_011, 650_057, 1_002_012],
        "see that `cloud` is the one of the tenant, and compare its scopes with the service",
    ),
    (
        &[7_000_112, 53_003, 530_035],
        "ask the administrator of the tenant: the application is disabled, or a policy blocks it",
    ),
];

/// Numbers that the authority asks to be tried again for.
const TRANSIENT: [u32; 3] = [90_024, 90_033, 50_196];

/// What mends the first of `codes` that is known.
pub(super) fn fix(codes: &[u32]) -> Option<&'static str> {
    codes.iter().find_map(|code| {
        let known = FIXES.iter().find(|(known, _)| known.contains(code));
        known.map(|(_, fix)| *fix)
    })
}

/// Whether the same request may be answered another time.
pub(super) fn is_transient(codes: &[u32]) -> bool {
    codes.iter().any(|code| TRANSIENT.contains(code))
}

/// The numbers in a text such as that of `az`.
pub(super) fn codes(text: &str) -> Vec<u32> {
    let rest = text.split("AADSTS").skip(1);
    rest.filter_map(|rest| {
        let end = rest.find(|character: char| !character.is_ascii_digit());
        rest[..end.unwrap_or(rest.len())].parse().ok()
    })
    .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_numbers_in_a_text() {
        assert_eq!(
            codes("ERROR: AADSTS7000215: Invalid. AADSTS90033."),
            [7_000_215, 90_033]
        );
        assert_eq!(codes("AADSTS: none, AADSTSx"), Vec::<u32>::new());
    }

    #[test]
    fn every_number_stands_once() {
        let all: Vec<u32> = FIXES
            .iter()
            .flat_map(|(codes, _)| codes.iter().copied())
            .collect();
        for (index, code) in all.iter().enumerate() {
            assert!(!all[..index].contains(code) && !is_transient(&[*code]), "{code}");
            assert!(fix(&[1, *code]).is_some());
        }
        assert_eq!(fix(&[1]), None);
    }
}
