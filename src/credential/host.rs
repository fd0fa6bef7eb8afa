//! The kind of machine that a managed identity runs on, as its environment tells.

/// Where tokens of a managed identity come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Host {
    /// A virtual machine, a scale set or a Kubernetes node: the metadata service.
    VirtualMachine,
    /// App Service, Functions or Container Apps: an address in the environment.
    AppService,
    /// A machine connected by Azure Arc.
    Arc,
    /// Another Azure service with a protocol of its own.
    Other(&'static str),
}

impl Host {
    /// What `variable` says; the Azure crate reads the same variables.
    pub(super) fn detect(variable: impl Fn(&str) -> bool) -> Self {
        let has_endpoint = variable("IDENTITY_ENDPOINT");
        if has_endpoint && variable("IDENTITY_HEADER") {
            return match variable("IDENTITY_SERVER_THUMBPRINT") {
                true => Host::Other("Service Fabric"),
                false => Host::AppService,
            };
        }
        if has_endpoint && variable("IMDS_ENDPOINT") {
            return Host::Arc;
        }
        if !has_endpoint && variable("MSI_ENDPOINT") {
            return match variable("MSI_SECRET") {
                true => Host::Other("Azure Machine Learning"),
                false => Host::Other("Cloud Shell"),
            };
        }
        Host::VirtualMachine
    }

    /// The one of this process.
    pub(super) fn here() -> Self {
        Self::detect(|name| std::env::var_os(name).is_some())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_told_by_the_environment() {
        for (variables, expected) in [
            (&[][..], Host::VirtualMachine),
            (&["IDENTITY_ENDPOINT", "IDENTITY_HEADER"], Host::AppService),
            (&["IDENTITY_ENDPOINT", "IMDS_ENDPOINT"], Host::Arc),
            (
                &[
                    "IDENTITY_ENDPOINT",
                    "IDENTITY_HEADER",
                    "IDENTITY_SERVER_THUMBPRINT",
                ],
                Host::Other("Service Fabric"),
            ),
            (
                &["MSI_ENDPOINT", "MSI_SECRET"],
                Host::Other("Azure Machine Learning"),
            ),
            (&["MSI_ENDPOINT"], Host::Other("Cloud Shell")),
            (&["IMDS_ENDPOINT"], Host::VirtualMachine),
        ] {
            let host = Host::detect(|name| variables.contains(&name));
            assert_eq!(host, expected, "{variables:?}");
        }
    }
}
