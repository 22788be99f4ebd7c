package apiserver

import (
	"net/http"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/fauxkube/fauxkube/cluster/api"
	"github.com/fauxkube/fauxkube/sim"
)

// AuditRecord is one completed write request, as a line of an audit log at level Request has it. Records come in the
// server's order of completion.
type AuditRecord struct {
	// Received is when the request came in, by the server's wall clock; Took is how long it was under way.
	Received sim.Wall
	Took     time.Duration
	Server   string

	User      string
	UserAgent string
	Verb      string // create, update, patch, delete, deletecollection
	URI       string
	Code      int

	Resource                     *api.Resource
	Subresource, Namespace, Name string
	// BodyKind is the kind of the request's body: that of its object, DeleteOptions, or Patch.
	BodyKind string
	// Request is the request itself, shared: its Object or Patch is the body.
	Request *api.Request
	// Response is the object of the answer, nil if there is none.
	Response api.Object
}

// codeOf is the HTTP status of an answer.
func codeOf(r *api.Request, err error) int {
	var status *apierrors.StatusError
	switch {
	case err != nil:
		status = statusOf(err)
		return int(status.ErrStatus.Code)
	case r.Verb == api.VerbCreate:
		return http.StatusCreated
	}
	return http.StatusOK
}

func bodyKind(r *api.Request) string {
	switch {
	case r.Verb == api.VerbDelete || r.Verb == api.VerbDeleteCollection:
		return "DeleteOptions"
	case r.Verb == api.VerbPatch:
		return "Patch"
	case r.Object == nil:
		return ""
	}
	if known := api.ResourceOf(r.Object); known != nil {
		return known.Kind
	}
	gvks, _, err := api.Scheme.ObjectKinds(r.Object)
	if err != nil || len(gvks) == 0 {
		return ""
	}
	return gvks[0].Kind
}

// audit tells the sink about a completed write.
func (s *Server) audit(r *api.Request, received sim.Wall, took time.Duration, answer api.Object, err error) {
	if s.config.Audit == nil || !r.Verb.Writes() {
		return
	}
	name := r.Name
	if name == "" && answer != nil {
		name = api.Meta(answer).Name
	}
	user := ""
	if r.User != nil {
		user = r.User.Name
	}
	s.config.Audit(AuditRecord{
		Received: received, Took: took, Server: s.process.Name(), User: user, UserAgent: r.UserAgent,
		Verb: r.Verb.String(), URI: api.Path(r), Code: codeOf(r, err),
		Resource: r.Resource, Subresource: r.Subresource, Namespace: r.Namespace, Name: name,
		BodyKind: bodyKind(r), Request: r, Response: answer,
	})
}
