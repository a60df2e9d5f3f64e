//! Words of identifiers: `HTTPRoutes` to `http-routes`, `clusterIPs` to `cluster_ips`.

/// Splits an identifier into lower-case words, as k8s-openapi does to name its fields.
///
/// A run of capitals is one word: `podIP` is `pod ip`. Its last letter begins the
/// next word if small letters follow (`insecureSkipTLSVerify`), unless they are
/// only a plural's `s` (`clusterIPs`).
fn words(name: &str) -> Vec<String> {
    let letters: Vec<char> = name.chars().collect();
    let mut words = vec![String::new()];
    for (i, &letter) in letters.iter().enumerate() {
        if letter == '_' || (letter.is_uppercase() && starts_word(&letters, i)) {
            words.push(String::new());
        }
        if letter != '_'
            && let Some(word) = words.last_mut()
        {
            word.extend(letter.to_lowercase());
        }
    }
    words.retain(|word| !word.is_empty());
    words
}

/// Returns true if the capital at `i` is the first letter of a word.
fn starts_word(letters: &[char], i: usize) -> bool {
    let Some(before) = i.checked_sub(1).map(|before| letters[before]) else {
        return true;
    };
    if !before.is_uppercase() {
        return true;
    }
    let next_is_small = letters.get(i + 1).is_some_and(|next| next.is_lowercase());
    let plural = letters.get(i + 1) == Some(&'s')
        && letters.get(i + 2).is_none_or(|after| after.is_uppercase());
    next_is_small && !plural
}

/// Returns `name` in kebab-case: the default name of a handler.
pub(crate) fn kebab(name: &str) -> String {
    words(name).join("-")
}

/// Returns the Rust name of a field that Kubernetes calls `name`, as k8s-openapi spells it.
///
/// A name without capitals is taken to be Rust's already.
pub(crate) fn field(name: &str) -> String {
    match name {
        "$ref" => "ref_path".to_owned(),
        "$schema" => "schema".to_owned(),
        "as" | "continue" | "enum" | "ref" | "type" => format!("{name}_"),
        _ if name.contains(char::is_uppercase) => words(name).join("_"),
        _ => name.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_named_as_k8s_openapi_names_them() {
        for (kubernetes, rust) in [
            ("apiServerID", "api_server_id"),
            ("clientCIDR", "client_cidr"),
            ("clusterIP", "cluster_ip"),
            ("clusterIPs", "cluster_ips"),
            (
                "currentCPUUtilizationPercentage",
                "current_cpu_utilization_percentage",
            ),
            ("diskURI", "disk_uri"),
            ("externalIPs", "external_ips"),
            ("hostIPC", "host_ipc"),
            ("hostIPs", "host_ips"),
            ("insecureSkipTLSVerify", "insecure_skip_tls_verify"),
            ("nodeName", "node_name"),
            ("nonResourceURLs", "non_resource_urls"),
            ("podCIDRs", "pod_cidrs"),
            ("scaleIO", "scale_io"),
            (
                "serverAddressByClientCIDRs",
                "server_address_by_client_cidrs",
            ),
            ("setHostnameAsFQDN", "set_hostname_as_fqdn"),
            ("targetWWNs", "target_wwns"),
            ("volumeID", "volume_id"),
            ("continue", "continue_"),
            ("type", "type_"),
        ] {
            assert_eq!(field(kubernetes), rust);
        }
    }

    #[test]
    fn rust_names_stay() {
        for name in ["node_name", "spec", "x1", "_hidden", "type_"] {
            assert_eq!(field(name), name);
        }
    }

    #[test]
    fn struct_names_become_kebab_case() {
        for (rust, kebab_case) in [
            ("PodLogger", "pod-logger"),
            ("HTTPRoutes", "http-routes"),
            ("Web2Db", "web2-db"),
            ("Pods", "pods"),
            ("X", "x"),
            ("_Private_Thing", "private-thing"),
        ] {
            assert_eq!(kebab(rust), kebab_case);
        }
    }
}
