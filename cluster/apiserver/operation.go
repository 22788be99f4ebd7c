package apiserver

import (
	"encoding/binary"
	"errors"
	"time"

	autoscalingv1 "k8s.io/api/autoscaling/v1"
	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"

	"github.com/fauxkube/fauxkube/cluster/api"
	"github.com/fauxkube/fauxkube/cluster/apiserver/registry"
	"github.com/fauxkube/fauxkube/cluster/apiserver/storage"
)

// operation is one conditional write of one object: a client's, one of a collection, or the server's own. The registry
// decides, storage writes, and if somebody else was faster the registry decides again.
type operation struct {
	server  *Server
	request *api.Request
	entry   *registry.Entry
	bytes   int // of the request's body, for the cost of deciding
	// call is whose write it is; the server's own writes, and those of collections, have done instead.
	call *call
	done func(o *operation, obj api.Object, err error)

	write    storage.Write
	outcome  registry.Outcome
	old      api.Object // what is being decided about
	attempts int        // names tried
	rounds   int        // decisions made
	// namespace is the request's namespace, read from the store because the cache did not have it.
	namespace *corev1.Namespace
	context   registry.Context // of the decision under way
}

// maxRounds bounds how often a decision is repeated because its conditional writes of other objects lost their race:
// upstream's eviction tries 20 times (registry/core/pod/storage EvictionsRetry).
const maxRounds = 20

func (o *operation) start() {
	o.write = storage.Write{Store: o.server.store, Decider: o}
	if o.creates() {
		o.write.Create = true
		if !o.namespaceKnown() {
			o.server.process.At(missingNamespaceWait, 0, o.server.kinds.namespaceWait, 0, o)
			return
		}
	} else {
		o.find()
	}
	o.write.Start()
}

// find looks the object up in the cache, which also knows its key as a string.
func (o *operation) find() {
	var room [128]byte
	key := o.entry.AppendKey(room[:0], o.request.Namespace, o.request.Name)
	if o.write.Key, o.write.Cached = o.server.cacherOf(o.entry).cache.Find(key); o.write.Cached == nil {
		o.write.Key = string(key)
	}
}

// end tells who asked for the write how it ended.
func (o *operation) end(obj api.Object, err error) {
	if o.call != nil {
		o.call.written(o, obj, err)
		return
	}
	o.done(o, obj, err)
}

func (o *operation) creates() bool {
	return o.request.Verb == api.VerbCreate && o.request.Subresource == ""
}

// missingNamespaceWait is how long admission waits for a namespace that the cache does not have before it asks the store
// (plugin/namespace/lifecycle).
const missingNamespaceWait = 50 * time.Millisecond

func (o *operation) namespaceKnown() bool {
	return !o.entry.Resource.Namespaced || o.server.Get(api.Namespaces, "", o.request.Namespace) != nil
}

// lookUpNamespace asks the store for a namespace that may just have been created through another server.
func (o *operation) lookUpNamespace() {
	if o.namespaceKnown() {
		o.write.Start()
		return
	}
	o.server.store.Get(registry.For(api.Namespaces).Key("", o.request.Namespace), func(obj api.Object, _ int64, err error) {
		if err != nil {
			o.end(nil, err)
			return
		}
		o.namespace, _ = obj.(*corev1.Namespace)
		o.write.Start()
	})
}

// Get and Each let admission read the caches, and the namespace that only the store has.
func (o *operation) Get(r *api.Resource, namespace, name string) api.Object {
	if obj := o.server.Get(r, namespace, name); obj != nil {
		return obj
	}
	if r == api.Namespaces && o.namespace != nil && o.namespace.Name == name {
		return o.namespace
	}
	return nil
}

func (o *operation) Each(r *api.Resource, namespace string, visit func(api.Object) bool) {
	o.server.Each(r, namespace, visit)
}

// Decide charges a decision; decideNow makes it when the core has done the work.
func (o *operation) Decide(old api.Object) {
	o.old = old
	s := o.server
	s.process.Charge(s.ops.admission, int64(o.bytes), 0, s.kinds.decided, uint64(o.request.Verb), o)
}

func (o *operation) decideNow() {
	o.rounds++
	if o.rounds > maxRounds {
		o.write.Decided(storage.Decision{}, errTimeout())
		return
	}
	s := o.server
	o.context = registry.Context{
		Now: s.process.Wall().Time(), UID: s.uids, Random: s.suffixes, User: o.request.User, Lookup: o, DryRun: o.request.DryRun,
		Without: s.config.WithoutAdmission, Gates: s.config.Gates,
	}
	out, err := o.decide(&o.context, o.old)
	if err != nil {
		o.write.Decided(storage.Decision{}, err)
		return
	}
	if o.outcome = out; o.request.DryRun {
		o.dryRun()
		return
	}
	if o.creates() {
		m := api.Meta(out.Object)
		o.write.Key = o.entry.Key(m.Namespace, m.Name)
	}
	o.write.Decided(o.decision(), nil)
}

// decide asks the registry.
func (o *operation) decide(ctx *registry.Context, old api.Object) (registry.Outcome, error) {
	r, e := o.request, o.entry
	switch {
	case r.Verb == api.VerbDelete:
		return e.Delete(ctx, old, r.Delete)
	case r.Verb == api.VerbPatch:
		return e.Patch(ctx, r.Subresource, old, r.Patch)
	case r.Subresource == "scale":
		return e.UpdateScale(ctx, old, r.Object.(*autoscalingv1.Scale))
	case r.Subresource == "binding":
		return registry.Bind(ctx, old, r.Object.(*corev1.Binding))
	case r.Subresource == "eviction":
		return registry.Evict(ctx, old, r.Object.(*policyv1.Eviction))
	case r.Verb == api.VerbCreate:
		return e.Create(ctx, r.Namespace, r.Object)
	}
	return e.Update(ctx, r.Subresource, old, r.Object)
}

// decision says the outcome in storage's words.
func (o *operation) decision() storage.Decision {
	d := storage.Decision{Object: o.outcome.Object, TTL: o.entry.TTL}
	switch o.outcome.Action {
	case registry.Write:
		d.Action = storage.Put
	case registry.Remove:
		d.Action = storage.Remove
	case registry.WriteThenRemove:
		d.Action = storage.PutThenRemove
	}
	for _, b := range o.outcome.Before {
		old := api.Meta(b.Old)
		d.Before = append(d.Before, storage.Before{
			Key:      registry.For(b.Resource).Key(old.Namespace, old.Name),
			Revision: int64(api.ParseRV(old.ResourceVersion)), Object: b.New,
		})
	}
	if o.entry.Resource == api.Services {
		d.Before = append(d.Before, reservations(o.outcome.Object, o.old)...)
	}
	return d
}

// dryRun ends the operation as if it had been written.
func (o *operation) dryRun() {
	if !o.creates() {
		o.end(o.outcome.Object, nil)
		return
	}
	m := api.Meta(o.outcome.Object)
	o.server.store.Get(o.entry.Key(m.Namespace, m.Name), func(taken api.Object, _ int64, err error) {
		if err == nil && taken != nil {
			err = storage.ErrKeyExists
		}
		o.end(o.outcome.Object, o.explain(err))
	})
}

// Done hears how the write ended.
func (o *operation) Done(obj api.Object, err error) {
	switch {
	case errors.Is(err, storage.ErrKeyExists) && o.tryAnotherName():
		return
	case errors.Is(err, storage.ErrKeyExists):
		o.taken()
		return
	case err == nil && o.outcome.Then != nil:
		o.deleteWritten(obj)
		return
	case err == nil && o.entry.Resource == api.Services:
		o.server.releaseAddresses(o.old, obj, o.outcome.Action)
		o.deleteEndpoints()
	}
	o.end(obj, o.explain(err))
}

// deleteWritten deletes what has just been written; the request ends with it.
func (o *operation) deleteWritten(written api.Object) {
	options := o.outcome.Then
	if p := options.Preconditions; p != nil && p.ResourceVersion != nil {
		// The write that made it old was this request's own.
		options = options.DeepCopy()
		options.Preconditions.ResourceVersion = api.Ptr(api.Meta(written).ResourceVersion)
	}
	r := &api.Request{
		Verb: api.VerbDelete, Resource: o.request.Resource, Namespace: o.request.Namespace, Name: o.request.Name, Delete: options,
		User: o.request.User, UserAgent: o.request.UserAgent,
	}
	deletion := &operation{server: o.server, request: r, entry: o.entry, bytes: o.bytes}
	deletion.done = func(_ *operation, obj api.Object, err error) { o.end(obj, err) }
	deletion.start()
}

// deleteEndpoints removes the Endpoints of a deleted Service, as its registry does upstream; nobody waits for it, and
// audit does not see it.
func (o *operation) deleteEndpoints() {
	if o.outcome.Action != registry.Remove && o.outcome.Action != registry.WriteThenRemove {
		return
	}
	r := &api.Request{Verb: api.VerbDelete, Resource: api.Endpoints, Namespace: o.request.Namespace, Name: o.request.Name, User: self, UserAgent: userAgent}
	deletion := &operation{server: o.server, request: r, entry: registry.For(api.Endpoints)}
	deletion.done = func(*operation, api.Object, error) {}
	deletion.start()
}

// tryAnotherName draws again for an object that is named by its server.
func (o *operation) tryAnotherName() bool {
	m := api.Meta(o.request.Object)
	if o.attempts++; m.Name != "" || m.GenerateName == "" || o.attempts >= generateNameAttempts {
		return false
	}
	o.write = storage.Write{Store: o.server.store, Decider: o, Create: true}
	o.write.Start()
	return true
}

// taken words the error of a create whose key exists: an object on its way out is named as such.
func (o *operation) taken() {
	o.server.store.Get(o.write.Key, func(obj api.Object, _ int64, err error) {
		status := statusOf(o.entry.AlreadyExists(o.outcome.Object))
		if err == nil && obj != nil && api.Meta(obj).DeletionTimestamp != nil {
			status.ErrStatus.Message = "object is being deleted: " + status.ErrStatus.Message
		}
		o.end(nil, status)
	})
}

func (o *operation) explain(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, storage.ErrKeyNotFound):
		return o.entry.NotFound(o.request.Name)
	case errors.Is(err, storage.ErrKeyExists):
		return apierrors.NewAlreadyExists(o.entry.Resource.GroupResource(), api.Meta(o.outcome.Object).Name)
	}
	return err
}

const hexDigits = "0123456789abcdef"

// newUID draws a random UUID (version 4, RFC 9562).
func (s *Server) newUID() types.UID {
	high, low := s.draws.Uint64(purposeUID), s.draws.Uint64(purposeUID)
	high = high&^0xf000 | 0x4000
	low = low&^(3<<62) | 2<<62
	var raw [16]byte
	binary.BigEndian.PutUint64(raw[:8], high)
	binary.BigEndian.PutUint64(raw[8:], low)
	var text [36]byte
	at := 0
	for i, b := range raw {
		if i == 4 || i == 6 || i == 8 || i == 10 {
			text[at] = '-'
			at++
		}
		text[at], text[at+1] = hexDigits[b>>4], hexDigits[b&15]
		at += 2
	}
	return types.UID(text[:])
}

func (s *Server) random() uint64 { return s.draws.Uint64(purposeSuffix) }

// do runs a write of the server's own.
func (s *Server) do(r *api.Request, done func(obj api.Object, err error)) {
	r.User, r.UserAgent = self, userAgent
	received, began := s.process.Wall(), s.now()
	o := &operation{server: s, request: r, entry: registry.For(r.Resource), bytes: api.SizeOfRequest(r)}
	o.done = func(_ *operation, obj api.Object, err error) {
		s.audit(r, received, time.Duration(s.now()-began), obj, err)
		done(obj, err)
	}
	o.start()
}
