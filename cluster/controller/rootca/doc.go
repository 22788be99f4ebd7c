// Package rootca is the root CA certificate publisher: every namespace gets a ConfigMap called kube-root-ca.crt with the
// certificate by which pods verify the API server. Whoever deletes or changes it sees it restored.
//
// Upstream has it in pkg/controller/certificates/rootcacertpublisher.
package rootca
