package apiserver

import (
	"errors"
	"net/http"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/fauxkube/fauxkube/cluster/api"
)

// statusOf turns any error into what a client gets. Errors of the store that mean nothing to the API are 500 with the
// store's words, as upstream passes them on.
func statusOf(err error) *apierrors.StatusError {
	var status *apierrors.StatusError
	if errors.As(err, &status) {
		return status
	}
	return &apierrors.StatusError{ErrStatus: metav1.Status{
		Status: metav1.StatusFailure, Code: http.StatusInternalServerError,
		Reason: metav1.StatusReasonUnknown, Message: err.Error(),
	}}
}

func errTimeout() error {
	return apierrors.NewTimeoutError("request did not complete within the allotted timeout", 0)
}

// errNotServed answers for a resource whose feature gate is off.
func errNotServed(r *api.Request) error {
	return apierrors.NewGenericServerResponse(http.StatusNotFound, r.Verb.String(), r.Resource.GroupResource(), r.Name, "", 0, true)
}

func errTooLarge() error {
	return apierrors.NewRequestEntityTooLargeError("limit is 3145728")
}

// errBusy is the 429 of priority and fairness.
func errBusy(r *api.Request, retryAfterSeconds int) error {
	return apierrors.NewGenericServerResponse(http.StatusTooManyRequests, r.Verb.String(), r.Resource.GroupResource(), r.Name,
		"Too many requests, please try again later.", retryAfterSeconds, true)
}

func errMethod(r *api.Request) error {
	return apierrors.NewMethodNotSupported(r.Resource.GroupResource(), r.Verb.String())
}

func errListOptions(errs field.ErrorList) error {
	return apierrors.NewInvalid(metav1.SchemeGroupVersion.WithKind("ListOptions").GroupKind(), "", errs)
}

// unreadyRetry holds from which downtime on a client of an unfilled cache is told to wait one second longer, in
// milliseconds: the integer part of e^(.06 x seconds), between 1 and 30 (cacher calculateRetryAfterForUnreadyCache).
var unreadyRetry = [...]int64{
	11553, 18311, 23105, 26824, 29863, 32432, 34658, 36621, 38377, 39965, 41416, 42750, 43985, 45135, 46210, 47221,
	48173, 49074, 49929, 50743, 51518, 52259, 52968, 53648, 54302, 54931, 55537, 56122, 56687,
}

func retryAfterUnready(downtimeNanos int64) int {
	seconds := 1
	for _, from := range unreadyRetry {
		if downtimeNanos/1e6 >= from {
			seconds++
		}
	}
	return seconds
}
