package api

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/watch"
)

// Names of the API server's network methods, to be given to network.Network.Method.
const (
	// MethodUnary carries a *Request and is answered by a *Response or a *apierrors.StatusError.
	MethodUnary = "apiserver.Unary"
	// MethodWatch carries a *Request and opens a stream of *WatchBatch.
	MethodWatch = "apiserver.Watch"
)

// Verb is what a request does, in the words of RBAC and audit.
type Verb uint8

// The verbs of the API.
const (
	VerbGet Verb = iota
	VerbList
	VerbWatch
	VerbCreate
	VerbUpdate
	VerbPatch
	VerbDelete
	VerbDeleteCollection
)

var verbNames = [...]string{"get", "list", "watch", "create", "update", "patch", "delete", "deletecollection"}

// String is the verb as RBAC and audit write it.
func (v Verb) String() string { return verbNames[v] }

// Writes reports whether the verb can change the store.
func (v Verb) Writes() bool { return v >= VerbCreate }

// User is who makes a request.
type User struct {
	Name   string
	Groups []string
}

// PatchBody is a change without the object: either Data of a Type, as on the wire, or Apply, a pure function that means
// the same as the patch the real component sends, with the modelled size of that patch's body.
type PatchBody struct {
	Type      types.PatchType
	Data      []byte
	Apply     func(old Object) (Object, error)
	SizeBytes int
}

// Request is one API call. Zero fields mean what an absent query parameter or body means.
type Request struct {
	Verb        Verb
	Resource    *Resource
	Subresource string // "", status, scale, binding, eviction, finalize, ephemeralcontainers, resize
	Namespace   string
	Name        string

	Object Object     // the body of create and update, and of the subresources binding, eviction and scale
	Patch  *PatchBody // the body of patch

	ResourceVersion string
	Match           metav1.ResourceVersionMatch
	Limit           int64
	Continue        string

	LabelSelector labels.Selector // nil selects everything
	FieldSelector fields.Selector // nil selects everything

	AllowBookmarks    bool
	SendInitialEvents bool
	TimeoutSeconds    int64

	Delete *metav1.DeleteOptions // the body of delete
	DryRun bool

	User      *User
	UserAgent string
}

// Response is the answer to a unary request: an object, or a list.
type Response struct {
	Object Object
	List   *List
}

// List is the answer to a list request.
type List struct {
	ResourceVersion    string
	Continue           string
	RemainingItemCount *int64
	Items              []Object
}

// WatchEvent is one event of a watch. A BOOKMARK's object carries only a resourceVersion, and at the end of the initial
// events of a WatchList the annotation InitialEventsEnd.
type WatchEvent struct {
	Type   watch.EventType
	Object Object
}

// WatchBatch is one message of a watch stream: events in order.
type WatchBatch struct {
	Events []WatchEvent
}

// InitialEventsEnd annotates the bookmark that ends the initial events of a WatchList.
const InitialEventsEnd = metav1.InitialEventsAnnotationKey

// Bookmark returns a BOOKMARK event of the resource at resourceVersion; initialEnd marks the end of a WatchList's
// initial events.
func Bookmark(r *Resource, resourceVersion string, initialEnd bool) WatchEvent {
	obj := r.New()
	obj.SetResourceVersion(resourceVersion)
	if initialEnd {
		obj.SetAnnotations(map[string]string{InitialEventsEnd: "true"})
	}
	return WatchEvent{Type: watch.Bookmark, Object: obj}
}

// IsInitialEventsEnd reports whether e is the bookmark that ends a WatchList's initial events.
func IsInitialEventsEnd(e WatchEvent) bool {
	return e.Type == watch.Bookmark && e.Object.GetAnnotations()[InitialEventsEnd] == "true"
}
