package apiserver

import (
	"fmt"
	"path"
	"slices"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/fauxkube/fauxkube/cluster/api"
	"github.com/fauxkube/fauxkube/cluster/apiserver/registry"
	"github.com/fauxkube/fauxkube/cluster/apiserver/storage"
	"github.com/fauxkube/fauxkube/cluster/etcd/mvcc"
)

// Cluster addresses and node ports are unique because each is a key of its own in the store, written under the condition
// that it does not exist: v1.36's IPAddress objects for addresses, and the same for node ports, of which upstream keeps a
// bitmap in one object (/registry/ranges/servicenodeports). The registry draws from what the cache says is free; a draw that
// another server has just taken fails its condition and is repeated.
const (
	addressPrefix = "/registry/ipaddresses/"
	portPrefix    = "/registry/ranges/servicenodeports/"
)

// reservations are the conditional writes for what a service newly uses.
func reservations(obj, old api.Object) []storage.Before {
	used, had := keysOf(obj), keysOf(old)
	var writes []storage.Before
	for _, key := range used {
		if !slices.Contains(had, key) {
			writes = append(writes, storage.Before{Key: key, Object: reservation(key, obj)})
		}
	}
	return writes
}

// keysOf are the keys of a service's addresses and node ports.
func keysOf(obj api.Object) (keys []string) {
	s, _ := obj.(*corev1.Service)
	if s == nil {
		return nil
	}
	for _, ip := range s.Spec.ClusterIPs {
		if ip != "" && ip != corev1.ClusterIPNone {
			keys = append(keys, addressPrefix+ip)
		}
	}
	for _, p := range s.Spec.Ports {
		if key := fmt.Sprint(portPrefix, p.NodePort); p.NodePort != 0 && !slices.Contains(keys, key) {
			keys = append(keys, key)
		}
	}
	return keys
}

// reservation is what stands under a key of keysOf: who uses it.
func reservation(key string, service api.Object) api.Object {
	m := api.Meta(service)
	return &networkingv1.IPAddress{
		ObjectMeta: metav1.ObjectMeta{
			Name: path.Base(key), CreationTimestamp: m.CreationTimestamp,
			Labels: map[string]string{"ipaddress.kubernetes.io/managed-by": "ipallocator.k8s.io"},
		},
		Spec: networkingv1.IPAddressSpec{ParentRef: &networkingv1.ParentReference{
			Resource: "services", Namespace: m.Namespace, Name: m.Name,
		}},
	}
}

// releaseAddresses frees what a service no longer uses. Upstream does it after the write as well, and repairs every three
// minutes what a crash in between has left.
func (s *Server) releaseAddresses(old, now api.Object, action registry.Action) {
	used := keysOf(now)
	if action == registry.Remove || action == registry.WriteThenRemove {
		used = nil
	}
	for _, key := range keysOf(old) {
		if !slices.Contains(used, key) {
			s.etcd.Txn(&mvcc.TxnRequest{
				Success: []mvcc.RequestOp{{DeleteRange: &mvcc.DeleteRangeRequest{Key: key}}},
			}, func(*mvcc.TxnResponse, error) {})
		}
	}
}
