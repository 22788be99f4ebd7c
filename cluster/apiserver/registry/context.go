package registry

import (
	"fmt"
	"time"

	"github.com/fauxkube/fauxkube/cluster/api"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
)

// Lookup reads other objects as the deciding API server sees them, which may be a little stale, as upstream's informers
// are. What it returns is shared and must not be changed.
type Lookup interface {
	// Get returns the object, or nil if there is none.
	Get(r *api.Resource, namespace, name string) api.Object
	// Each calls fn for every object of the namespace ("" = all) in order of key, until fn returns false.
	Each(r *api.Resource, namespace string, fn func(api.Object) bool)
}

// Context is everything that a decision depends on besides its objects.
type Context struct {
	Now    time.Time        // the server's wall clock
	UID    func() types.UID // a new uid at each call
	Random func() uint64    // for name suffixes, cluster IPs and node ports
	User   *api.User
	Lookup Lookup
	DryRun bool
	// Without are the admission plugins that are switched off.
	Without Admission
	// Gates are the server's feature gates that are not at their default.
	Gates map[string]bool
}

// Admission is a set of admission plugins: those that --disable-admission-plugins can switch off here.
type Admission uint8

// The admission plugins, by kube-apiserver's names.
const (
	AdmitServiceAccount Admission = 1 << iota
	AdmitPriority
	AdmitTaintNodesByCondition
)

var admissionNames = []struct {
	name   string
	plugin Admission
}{{"ServiceAccount", AdmitServiceAccount}, {"Priority", AdmitPriority}, {"TaintNodesByCondition", AdmitTaintNodesByCondition}}

// ParseAdmission returns the set of the named plugins.
func ParseAdmission(names []string) (set Admission, err error) {
	for _, name := range names {
		known := false
		for _, n := range admissionNames {
			if n.name == name {
				set, known = set|n.plugin, true
			}
		}
		if !known {
			return 0, fmt.Errorf("admission plugin %q: want ServiceAccount, Priority or TaintNodesByCondition", name)
		}
	}
	return set, nil
}

// has reports whether a plugin is in the set.
func (a Admission) has(plugin Admission) bool { return a&plugin != 0 }

// time is Now as objects store it.
func (c *Context) time() metav1.Time { return api.Time(c.Now) }

// Action is what the server does with an outcome.
type Action uint8

const (
	// Nothing leaves the store as it is: the request changed nothing, or deletion is already under way.
	Nothing Action = iota
	// Write stores Object.
	Write
	// Remove deletes the stored object.
	Remove
	// WriteThenRemove stores Object, then deletes it: two revisions, as a graceful kind deleted without grace has them.
	WriteThenRemove
)

// Outcome is a decision.
type Outcome struct {
	Action Action
	// Object is what to store (of the storage's kind, without its new resource version), or what is removed.
	Object api.Object
	// Before are conditional writes of other objects that must succeed first. If one loses its race, decide again.
	Before []Conditional
	// Response, if set, is shown in place of Object: a Scale. It gets the resource version of the write.
	Response api.Object
	// Bare asks for an answer without object, as a Status of success is: delete of most kinds, binding, eviction.
	Bare bool
	// Then, if set, asks for the object to be deleted with these options when it has been written: an eviction.
	Then *metav1.DeleteOptions
}

// Conditional writes New in place of Old, if Old is still what is stored.
type Conditional struct {
	Resource *api.Resource
	Old, New api.Object
}

func conflict(r *api.Resource, name string, err error) error {
	return apierrors.NewConflict(r.GroupResource(), name, err)
}
