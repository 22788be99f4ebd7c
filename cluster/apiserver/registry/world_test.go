package registry

import (
	"fmt"
	"sort"
	"time"

	"github.com/fauxkube/fauxkube/cluster/api"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
)

// world is the rest of the cluster as a decision sees it.
type world struct {
	objects map[*api.Resource]map[string]api.Object
	uids    int
	random  uint64
}

func newWorld() *world { return &world{objects: map[*api.Resource]map[string]api.Object{}} }

func named(namespace, name string) metav1.ObjectMeta {
	return metav1.ObjectMeta{Namespace: namespace, Name: name, UID: types.UID("uid-" + name), ResourceVersion: "1"}
}

func (w *world) add(o api.Object) {
	r := api.ResourceOf(o)
	if w.objects[r] == nil {
		w.objects[r] = map[string]api.Object{}
	}
	w.objects[r][api.KeyOf(o)] = o
}

func (w *world) Get(r *api.Resource, namespace, name string) api.Object {
	return w.objects[r][api.Key(namespace, name)]
}

func (w *world) Each(r *api.Resource, namespace string, fn func(api.Object) bool) {
	var keys []string
	for k, o := range w.objects[r] {
		if namespace == "" || o.GetNamespace() == namespace {
			keys = append(keys, k)
		}
	}
	sort.Strings(keys)
	for _, k := range keys {
		if !fn(w.objects[r][k]) {
			return
		}
	}
}

var epoch = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

func (w *world) context() *Context {
	return &Context{
		Now:    epoch,
		UID:    func() types.UID { w.uids++; return types.UID(fmt.Sprintf("00000000-0000-0000-0000-%012d", w.uids)) },
		Random: func() uint64 { w.random += 0x9e3779b97f4a7c15; return w.random ^ w.random>>31 },
		Lookup: w,
	}
}

// demo is a world with the namespace demo and its default service account.
func demo() *world {
	w := newWorld()
	w.inhabit("demo")
	return w
}

// inhabit adds an active namespace with its default service account.
func (w *world) inhabit(namespace string) {
	w.add(&corev1.Namespace{ObjectMeta: named("", namespace), Status: corev1.NamespaceStatus{Phase: corev1.NamespaceActive}})
	w.add(&corev1.ServiceAccount{ObjectMeta: named(namespace, "default")})
}
