package apiserver

import (
	"fmt"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/fauxkube/fauxkube/cluster/api"
	"github.com/fauxkube/fauxkube/cluster/apiserver/registry"
	"github.com/fauxkube/fauxkube/cluster/apiserver/storage"
	"github.com/fauxkube/fauxkube/cluster/apiserver/watchcache"
)

var matchPath = field.NewPath("resourceVersionMatch")

// checkListOptions refuses combinations of list parameters that mean nothing
// (apimachinery/pkg/apis/meta/internalversion/validation).
func checkListOptions(r *api.Request) error {
	var errs field.ErrorList
	match := matchPath
	switch {
	case r.SendInitialEvents && r.Match != metav1.ResourceVersionMatchNotOlderThan:
		errs = append(errs, field.Forbidden(match, fmt.Sprintf("sendInitialEvents requires setting resourceVersionMatch to %s",
			metav1.ResourceVersionMatchNotOlderThan)))
	case r.SendInitialEvents:
	case r.Match == "":
	case r.Verb == api.VerbWatch:
		errs = append(errs, field.Forbidden(match, "resourceVersionMatch is forbidden for watch"))
	case r.ResourceVersion == "":
		errs = append(errs, field.Forbidden(match, "resourceVersionMatch is forbidden unless resourceVersion is provided"))
	case r.Continue != "":
		errs = append(errs, field.Forbidden(match, "resourceVersionMatch is forbidden when continue is provided"))
	case r.Match != metav1.ResourceVersionMatchExact && r.Match != metav1.ResourceVersionMatchNotOlderThan:
		errs = append(errs, field.NotSupported(match, r.Match, []string{
			string(metav1.ResourceVersionMatchExact), string(metav1.ResourceVersionMatchNotOlderThan), ""}))
	case r.Match == metav1.ResourceVersionMatchExact && r.ResourceVersion == "0":
		errs = append(errs, field.Forbidden(match, `resourceVersionMatch "exact" is forbidden for resourceVersion "0"`))
	}
	if len(errs) > 0 {
		return errListOptions(errs)
	}
	return nil
}

// parseRevision reads a resource version that a client sent; "" is 0.
func parseRevision(rv string) (uint64, error) {
	if rv == "" {
		return 0, nil
	}
	var n uint64
	for i := range len(rv) {
		if rv[i] < '0' || rv[i] > '9' || n > (1<<63)/10 {
			return 0, apierrors.NewBadRequest(fmt.Sprintf("invalid resource version: %q", rv))
		}
		n = n*10 + uint64(rv[i]-'0')
	}
	return n, nil
}

// selectorOf resolves a request's selectors.
func selectorOf(e *registry.Entry, r *api.Request) (*watchcache.Selector, error) {
	return Select(e, r.Namespace, r.Name, r.LabelSelector, r.FieldSelector)
}

// Select resolves selectors of a resource.
func Select(e *registry.Entry, namespace, name string, l labels.Selector, f fields.Selector) (*watchcache.Selector, error) {
	s, unknown := watchcache.NewSelector(namespace, name, l, f, func(field string) watchcache.FieldGetter {
		if !e.Selectable(field) {
			return nil
		}
		return func(stored api.Object) string {
			v, _ := e.Field(stored, field)
			return v
		}
	})
	if unknown != "" {
		return nil, apierrors.NewBadRequest(fmt.Sprintf("field label not supported: %s", unknown))
	}
	return &s, nil
}

// way is how a list is answered.
type way uint8

const (
	latest     way = iota // from the cache, at least at a revision
	consistent            // from the cache once it has reached the store's revision
	exact                 // at one revision
)

// wayOf decides how a list is answered (cacher/delegator/interface.go) and at which revision, continuing from which key.
func wayOf(r *api.Request, prefix string) (w way, revision uint64, from string, err error) {
	if revision, err = parseRevision(r.ResourceVersion); err != nil {
		return 0, 0, "", err
	}
	switch {
	case r.Match == metav1.ResourceVersionMatchExact:
		return exact, revision, "", nil
	case r.Match == metav1.ResourceVersionMatchNotOlderThan:
		return latest, revision, "", nil
	case r.Continue != "":
		return wayOfContinue(r, prefix)
	case r.Limit > 0 && revision > 0:
		return exact, revision, "", nil // As lists did before resourceVersionMatch.
	case r.ResourceVersion == "":
		return consistent, 0, "", nil
	}
	return latest, revision, "", nil
}

func wayOfContinue(r *api.Request, prefix string) (way, uint64, string, error) {
	if r.ResourceVersion != "" && r.ResourceVersion != "0" {
		return 0, 0, "", apierrors.NewBadRequest("specifying resource version is not allowed when using continue")
	}
	from, revision, err := storage.DecodeContinue(r.Continue, prefix)
	if err != nil {
		return 0, 0, "", apierrors.NewBadRequest(fmt.Sprintf("invalid continue token: %v", err))
	}
	if revision > 0 {
		return exact, uint64(revision), from, nil
	}
	return consistent, 0, from, nil
}

// delegatedByShape says whether a list goes to the store as far as its parameters tell, which is what its seats are
// estimated by.
func delegatedByShape(r *api.Request) bool {
	return r.Match == metav1.ResourceVersionMatchExact || r.Continue != "" ||
		r.Match == "" && r.Limit > 0 && r.ResourceVersion != "" && r.ResourceVersion != "0"
}

// wantsInitialEvents says whether a watch begins with the state.
func wantsInitialEvents(r *api.Request) bool {
	return r.SendInitialEvents || r.ResourceVersion == "" || r.ResourceVersion == "0"
}
