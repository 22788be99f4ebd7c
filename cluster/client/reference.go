package client

import (
	"fmt"
	"strconv"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/fauxkube/fauxkube/cluster/api"
	"github.com/fauxkube/fauxkube/sim"
	"github.com/fauxkube/fauxkube/sim/host"
)

// Reference returns the reference that an Event about obj carries: obj itself if it is a reference already, which is
// how components speak of objects that they only know by name, or of a part of one.
func Reference(obj runtime.Object) *corev1.ObjectReference {
	if ref, ok := obj.(*corev1.ObjectReference); ok {
		return ref
	}
	o := obj.(api.Object)
	r := api.ResourceOf(o)
	if r == nil {
		panic(fmt.Sprintf("client: event about a %T, which is not served", obj))
	}
	m := api.Meta(o)
	return &corev1.ObjectReference{
		Kind: r.Kind, APIVersion: r.APIVersion(), Namespace: m.Namespace, Name: m.Name, UID: m.UID, ResourceVersion: m.ResourceVersion,
	}
}

// PartReference is Reference with a fieldPath, such as spec.containers{web}.
func PartReference(obj runtime.Object, fieldPath string) *corev1.ObjectReference {
	ref := *Reference(obj)
	ref.FieldPath = fieldPath
	return &ref
}

// eventNamespace is where an Event about ref lives: beside it, or in default.
func eventNamespace(ref *corev1.ObjectReference) string {
	if ref.Namespace == "" {
		return "default"
	}
	return ref.Namespace
}

// maxSubdomain is the longest name the API admits for an Event (RFC 1123).
const maxSubdomain = 253

// eventClock gives the Events of one process nanoseconds of their own. A real process takes more than one to make an
// Event, a simulated one takes none, and two Events about an object at one instant would get the same name.
type eventClock struct{ last sim.Wall }

func eventClockOf(p *host.Process) *eventClock {
	return p.Attach("client.eventclock/"+p.Name(), func() any { return &eventClock{} }).(*eventClock)
}

// next is the wall clock, or the nanosecond after the last one given out where that is not past yet.
func (c *eventClock) next(p *host.Process) sim.Wall {
	now := p.Wall()
	if now <= c.last && c.last-now < sim.Wall(time.Millisecond) { // Further back the clock has been set.
		now = c.last + 1
	}
	c.last = now
	return now
}

// eventName is the object's name, a dot and the wall clock in hexadecimal nanoseconds. Names that no Event may have are
// replaced by a random UUID (client-go tools/record/util).
func eventName(name string, wall sim.Wall, draws *sim.Stream) string {
	full := name + "." + strconv.FormatInt(int64(wall), 16)
	if isSubdomain(full) {
		return full
	}
	return randomUUID(draws)
}

// isSubdomain reports whether s is an RFC 1123 subdomain: lower-case letters, digits, '-' and '.', each part beginning
// and ending with a letter or digit.
func isSubdomain(s string) bool {
	if len(s) == 0 || len(s) > maxSubdomain {
		return false
	}
	edge := true // at the beginning of a part
	for i := range len(s) {
		c := s[i]
		switch {
		case 'a' <= c && c <= 'z', '0' <= c && c <= '9':
			edge = false
		case c == '-' && !edge:
		case c == '.' && !edge && s[i-1] != '-':
			edge = true
		default:
			return false
		}
	}
	return !edge && s[len(s)-1] != '-'
}

// randomUUID draws a version 4 UUID.
func randomUUID(draws *sim.Stream) string {
	high, low := draws.Uint64(purposeEventName), draws.Uint64(purposeEventName)
	high = high&^0xf000 | 0x4000
	low = low&^(3<<62) | 2<<62
	return fmt.Sprintf("%08x-%04x-%04x-%04x-%012x", high>>32, high>>16&0xffff, high&0xffff, low>>48, low&0xffffffffffff)
}
