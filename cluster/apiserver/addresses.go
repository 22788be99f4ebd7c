package apiserver

import (
	"fmt"
	"path"
	"slices"
	"time"

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
			r := reservation(key, obj)
			writes = append(writes, storage.Before{Key: key, Object: r, Mine: func(found api.Object) bool { return sameParent(found, r) }})
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
func reservation(key string, service api.Object) *networkingv1.IPAddress {
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

// sameParent recognises a reservation that an earlier attempt to create the same service has left behind.
func sameParent(found api.Object, want *networkingv1.IPAddress) bool {
	r, ok := found.(*networkingv1.IPAddress)
	return ok && *r.Spec.ParentRef == *want.Spec.ParentRef
}

// releaseAddresses frees what a service no longer uses.
func (s *Server) releaseAddresses(old, now api.Object, action registry.Action) {
	used := keysOf(now)
	if action == registry.Remove || action == registry.WriteThenRemove {
		used = nil
	}
	for _, key := range keysOf(old) {
		if !slices.Contains(used, key) {
			s.release(&mvcc.TxnRequest{Success: []mvcc.RequestOp{{DeleteRange: &mvcc.DeleteRangeRequest{Key: key}}}})
		}
	}
}

// release sends a deletion whose failure the next repair makes good.
func (s *Server) release(r *mvcc.TxnRequest) { s.etcd.Txn(r, func(*mvcc.TxnResponse, error) {}) }

// Upstream's repair loop of addresses (registry/core/service/ipallocator/controller): every three minutes it removes those
// without a service, unless they are so young that the service may still be on its way.
const (
	repairPeriod = 3 * time.Minute
	repairAge    = time.Minute
)

// repairAddresses frees reservations whose service does not exist: a crash came between the two.
func (s *Server) repairAddresses() {
	s.process.At(repairPeriod, 0, s.kinds.repair, 0, s)
	for _, prefix := range []string{addressPrefix, portPrefix} {
		s.etcd.Range(&mvcc.RangeRequest{Key: prefix, RangeEnd: storage.RangeEnd(prefix)}, func(r *mvcc.RangeResponse, err error) {
			if err != nil || !s.cachers[api.Services.ID].ready {
				return
			}
			for _, kv := range r.KVs {
				s.repairAddress(kv)
			}
		})
	}
}

func (s *Server) repairAddress(kv *mvcc.KeyValue) {
	r, ok := storage.ObjectOf(kv).(*networkingv1.IPAddress)
	if !ok || s.process.Wall().Time().Sub(r.CreationTimestamp.Time) < repairAge {
		return
	}
	parent := r.Spec.ParentRef
	service := s.Get(api.Services, parent.Namespace, parent.Name)
	if service != nil && slices.Contains(keysOf(service), kv.Key) {
		return
	}
	s.release(&mvcc.TxnRequest{
		Compare: []mvcc.Compare{{Target: mvcc.CompareModRevision, Key: kv.Key, Number: kv.ModRevision}},
		Success: []mvcc.RequestOp{{DeleteRange: &mvcc.DeleteRangeRequest{Key: kv.Key}}},
	})
}
