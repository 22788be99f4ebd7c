package registry

import (
	"time"

	"github.com/fauxkube/fauxkube/cluster/api"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/util/validation/field"
)

// Entry is one resource's declaration. Hooks get objects that they may write to along the path of their change; a nil
// hook does nothing.
type Entry struct {
	Resource *api.Resource
	// Storage is the resource under whose key objects are stored: Resource itself, but Events for EventsV1.
	Storage *api.Resource
	// KeyPrefix is the directory in the store, with a slash at its end: /registry/pods/.
	KeyPrefix string
	// TTL is how long an object lives from its last write; 0 is for ever.
	TTL time.Duration
	// Status reports whether the resource has a status subresource.
	Status bool
	// Scale is the scale subresource, or nil.
	Scale *scaling
	// CreateOnUpdate lets an update of an object that does not exist create it.
	CreateOnUpdate bool

	// deep asks for a deep copy of every incoming object, so that hooks need not take care of sharing.
	deep bool
	// conditionalOnly refuses updates that name no resource version.
	conditionalOnly bool
	// orphans makes deletion without a propagation policy leave dependents alone.
	orphans bool
	// uncollected marks kinds whose deletion never considers dependents.
	uncollected bool
	// name validates metadata.name.
	name nameRule

	// toStorage and fromStorage convert where Storage is another resource, or where answers differ from what is stored.
	toStorage   func(api.Object) api.Object
	fromStorage func(api.Object) api.Object

	defaults      func(obj api.Object)
	admit         []admission
	refuse        []admission
	prepareCreate func(ctx *Context, obj api.Object)
	prepareUpdate func(ctx *Context, obj, old api.Object)
	prepareStatus func(ctx *Context, obj, old api.Object)
	allocate      func(ctx *Context, obj, old api.Object) field.ErrorList
	validate      func(obj api.Object) field.ErrorList
	validateNew   func(obj api.Object) field.ErrorList // in addition, on create
	update        func(obj, old api.Object) field.ErrorList
	updateStatus  func(obj, old api.Object) field.ErrorList
	grace         func(obj api.Object, requested *int64) int64 // nil: the kind is not deleted gracefully
	emptied       func(obj api.Object) bool                    // in addition to finalizers: may the object go?

	selectable []string // names of fields beside metadata.name and metadata.namespace
	value      func(obj api.Object, field string) string

	columns []column
}

// admission is one admission plugin's view of one request: old is nil on create. A plugin that changes obj does so along
// the path.
type admission func(ctx *Context, req *attributes) error

// attributes is what an admission plugin may look at.
type attributes struct {
	entry       *Entry
	subresource string
	namespace   string
	obj, old    api.Object
	before      []Conditional
}

// Table lists every entry in the order of api.Resources.
func Table() []*Entry { return table }

// For returns the entry of a resource. Every resource of the api package has one.
func For(r *api.Resource) *Entry { return table[r.ID] }

// Key is the object's key in the store.
func (e *Entry) Key(namespace, name string) string {
	if e.Resource.Namespaced {
		return e.KeyPrefix + namespace + "/" + name
	}
	return e.KeyPrefix + name
}

// AppendKey is Key for look-ups that need no string.
func (e *Entry) AppendKey(to []byte, namespace, name string) []byte {
	to = append(to, e.KeyPrefix...)
	if e.Resource.Namespaced {
		to = append(append(to, namespace...), '/')
	}
	return append(to, name...)
}

// Prefix is what the keys of a namespace's objects begin with, or those of all objects for namespace "".
func (e *Entry) Prefix(namespace string) string {
	if namespace == "" || !e.Resource.Namespaced {
		return e.KeyPrefix
	}
	return e.KeyPrefix + namespace + "/"
}

// Present converts a stored object to what answers show, of the resource's own kind. For nearly all resources it is the
// object itself.
func (e *Entry) Present(stored api.Object) api.Object {
	if e.fromStorage == nil {
		return stored
	}
	return e.fromStorage(stored)
}

// ShowsAsStored reports whether answers show objects as they are stored.
func (e *Entry) ShowsAsStored() bool { return e.fromStorage == nil }

func (e *Entry) store(obj api.Object) api.Object {
	if e.toStorage == nil {
		return obj
	}
	return e.toStorage(obj)
}

func (e *Entry) copy(obj api.Object) api.Object {
	if e.deep {
		return obj.DeepCopyObject().(api.Object)
	}
	return api.ShallowCopy(obj)
}

// Field returns the value of a selectable field of a stored object, and whether the resource has such a field.
func (e *Entry) Field(obj api.Object, name string) (string, bool) {
	switch name {
	case "metadata.name":
		return api.Meta(obj).Name, true
	case "metadata.namespace":
		return api.Meta(obj).Namespace, e.Resource.Namespaced
	}
	for _, s := range e.selectable {
		if s == name {
			return e.value(obj, name), true
		}
	}
	return "", false
}

// Selectable reports whether requests may select by the field.
func (e *Entry) Selectable(name string) bool {
	if name == "metadata.name" || name == "metadata.namespace" && e.Resource.Namespaced {
		return true
	}
	for _, s := range e.selectable {
		if s == name {
			return true
		}
	}
	return false
}

// FieldSet lets a stored object be matched by a field selector without building a map.
func (e *Entry) FieldSet(obj api.Object) fields.Fields { return fieldSet{e, obj} }

type fieldSet struct {
	e   *Entry
	obj api.Object
}

func (f fieldSet) Has(name string) bool { return f.e.Selectable(name) }

func (f fieldSet) Get(name string) string {
	v, _ := f.e.Field(f.obj, name)
	return v
}
