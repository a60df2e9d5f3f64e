//! The cluster that a program runs in, as the service account of its pod.
//!
//! Source: <https://kubernetes.io/docs/tasks/run-application/access-api-from-pod/>.

use std::fs;

use crate::{
    Printable,
    cluster::{
        access::{Access, Credentials, Roots, TextOrFile, Tls},
        environment::Environment,
        error::{ClusterError, Place},
        proxy::Proxy,
        server::Server,
    },
    log::warn,
};

/// Finds out how to reach the cluster that this pod belongs to.
pub(crate) fn of_pod(environment: &Environment) -> Result<Access, ClusterError> {
    let place = Place::pod();
    let variable = |value: &Option<String>, name: &str| {
        value.clone().ok_or_else(|| {
            place.invalid(format!(
                "`{name}` is not set, so that this is no container of a pod; set KUBECONFIG to reach a cluster from outside"
            ))
        })
    };
    let host = variable(&environment.service_host, "KUBERNETES_SERVICE_HOST")?;
    let port = variable(&environment.service_port, "KUBERNETES_SERVICE_PORT")?;
    let token = environment.token_file();
    if let Err(error) = fs::File::open(&token) {
        let token = Printable::new(token.display());
        return Err(place.invalid(format!(
            "its token `{token}` cannot be read: {error}; does the pod set `automountServiceAccountToken: false`?"
        )));
    }
    let is_ipv6 = host.contains(':') && !host.starts_with('[');
    let host = if is_ipv6 { format!("[{host}]") } else { host };
    let server = Server::parse(&format!("https://{host}:{port}"), true)
        .map_err(|reason| place.invalid(reason))?;
    let authority = environment.service_account.join("ca.crt");
    let roots = match fs::File::open(&authority) {
        Ok(_) => Roots::Pem(TextOrFile::File(authority), place.clone()),
        Err(error) => {
            warn!(%error, "no certificate authority in the pod's service account; those of the system count");
            Roots::System
        }
    };
    let namespace = fs::read_to_string(environment.service_account.join("namespace"));
    let namespace = namespace.map(|namespace| namespace.trim().to_owned());
    let proxy = Proxy::of_environment(&environment.proxies, &server)
        .map_err(|reason| place.invalid(reason))?;
    Ok(Access {
        server,
        namespace: environment
            .pod_namespace
            .clone()
            .or_else(|| namespace.ok())
            .filter(|namespace| !namespace.is_empty())
            .unwrap_or_else(|| "default".to_owned()),
        tls: Tls {
            roots,
            ..Tls::default()
        },
        credentials: Credentials::Token {
            text: None,
            file: Some(token),
            place: place.clone(),
        },
        headers: Vec::new(),
        proxy,
        place,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn in_pod(host: &str) -> Environment {
        Environment {
            service_host: Some(host.to_owned()),
            service_port: Some("443".to_owned()),
            service_account: std::env::temp_dir()
                .join(format!("kubehandler-{}", fastrand::u64(..))),
            ..Environment::default()
        }
    }

    #[test]
    fn pod_is_reached_with_its_token_and_in_its_namespace() {
        for (host, server) in [
            ("10.0.0.1", "https://10.0.0.1:443"),
            ("fd00::1", "https://[fd00::1]:443"),
            (
                "kubernetes.default.svc",
                "https://kubernetes.default.svc:443",
            ),
        ] {
            let environment = in_pod(host);
            let directory = &environment.service_account;
            fs::create_dir(directory).expect("a directory");
            for (file, text) in [("token", "t\n"), ("ca.crt", ""), ("namespace", "shop\n")] {
                fs::write(directory.join(file), text).expect("written");
            }

            let access = of_pod(&environment).expect("a pod");

            assert!(environment.is_pod());
            assert_eq!(access.server.to_string(), server);
            assert_eq!(access.namespace, "shop");
            assert!(matches!(access.credentials, Credentials::Token { .. }));
            assert!(matches!(
                access.tls.roots,
                Roots::Pem(TextOrFile::File(_), _)
            ));
            fs::remove_dir_all(directory).expect("removed");
        }
    }

    #[test]
    fn what_a_pod_lacks_is_named() {
        let environment = in_pod("10.0.0.1");
        let no_token = of_pod(&environment).expect_err("no token").to_string();
        let outside = of_pod(&Environment::default())
            .expect_err("no pod")
            .to_string();

        assert!(!environment.is_pod());
        assert!(
            no_token.contains("automountServiceAccountToken"),
            "{no_token}"
        );
        assert!(
            outside.contains("`KUBERNETES_SERVICE_HOST` is not set"),
            "{outside}"
        );
    }
}
