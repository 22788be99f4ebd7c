package apiserver

import (
	"fmt"
	"testing"
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/fauxkube/fauxkube/cluster/api"
)

// BenchmarkLeaseRenewal is the whole of one renewal: client, network, both servers' caches, a watcher of each. The store
// answers from memory; its share and the network's are to be subtracted with a profile.
func BenchmarkLeaseRenewal(b *testing.B) {
	w := newWorld(b, func(c *Config) { c.Detector = nil; c.Audit = nil })
	const nodes = 1000
	leases := make([]*coordinationv1.Lease, nodes)
	for i := range leases {
		name := fmt.Sprint("node-", i)
		leases[i] = w.must(0, create(&coordinationv1.Lease{
			ObjectMeta: metav1.ObjectMeta{Namespace: "kube-node-lease", Name: name},
			Spec: coordinationv1.LeaseSpec{HolderIdentity: &name, LeaseDurationSeconds: api.Ptr(int32(40)),
				RenewTime: &metav1.MicroTime{Time: time.Unix(0, 0).UTC()}},
		})).Object.(*coordinationv1.Lease)
	}
	for i := range 2 {
		w.watch(i, &api.Request{Resource: api.Leases, AllowBookmarks: true})
	}
	user := &api.User{Name: "system:node:n"}
	b.ReportAllocs()
	n := 0
	for b.Loop() {
		i := n % nodes
		n++
		l := *leases[i]
		l.Spec.RenewTime = &metav1.MicroTime{Time: w.s.Start().Add(time.Duration(w.s.Now())).Truncate(time.Microsecond)}
		r := update(&l)
		r.User = user
		w.send(i%2, r, func(resp *api.Response, err error) {
			if err != nil {
				b.Fatal(err)
			}
			leases[i] = resp.Object.(*coordinationv1.Lease)
		})
		w.run(5 * time.Millisecond)
	}
}

// BenchmarkLeaseRenewalStack is the same over three members of the real store.
func BenchmarkLeaseRenewalStack(b *testing.B) {
	k := newStack(b, 1, func(c *Config) { c.Detector = nil })
	const nodes = 1000
	leases := make([]*coordinationv1.Lease, nodes)
	for i := range leases {
		name := fmt.Sprint("node-", i)
		leases[i] = k.must(0, create(&coordinationv1.Lease{
			ObjectMeta: metav1.ObjectMeta{Namespace: "kube-node-lease", Name: name},
			Spec: coordinationv1.LeaseSpec{HolderIdentity: &name, LeaseDurationSeconds: api.Ptr(int32(40)),
				RenewTime: &metav1.MicroTime{Time: time.Unix(0, 0).UTC()}},
		})).Object.(*coordinationv1.Lease)
	}
	k.watch(0, &api.Request{Resource: api.Leases, AllowBookmarks: true})
	user := &api.User{Name: "system:node:n"}
	b.ReportAllocs()
	n := 0
	for b.Loop() {
		for range 10 {
			i := n % nodes
			n++
			l := *leases[i]
			l.Spec.RenewTime = &metav1.MicroTime{Time: k.s.Start().Add(time.Duration(k.s.Now())).Truncate(time.Microsecond)}
			r := update(&l)
			r.User = user
			k.send(i%2, r, func(resp *api.Response, err error) {
				if err != nil {
					b.Fatal(err)
				}
				leases[i] = resp.Object.(*coordinationv1.Lease)
			})
			k.run(10 * time.Millisecond)
		}
	}
}
