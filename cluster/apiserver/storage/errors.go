package storage

import (
	"fmt"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// The messages of a list that compaction has passed, as clients see them.
const (
	listExpired          = "The resourceVersion for the provided list is too old."
	inconsistentContinue = "The provided continue parameter is too old " +
		"to display a consistent list result. You can start a new list without " +
		"the continue parameter, or use the continue token in this response to " +
		"retrieve the remainder of the results. Continuing with the provided " +
		"token results in an inconsistent list - objects that were created, " +
		"modified, or deleted between the time the first chunk was returned " +
		"and now may show up in the list."
)

// expired is the 410 of a list at a compacted revision. One that was being continued can go on inconsistently, with the
// token that the error carries.
func expired(q *Query) error {
	if q.Continue == "" {
		return apierrors.NewResourceExpired(listExpired)
	}
	err := apierrors.NewResourceExpired(inconsistentContinue)
	err.ErrStatus.ListMeta.Continue = encodeContinueAt(q.from, q.Prefix, -1)
	return err
}

// TooLargeResourceVersion is the 504 of a read at a revision that is not reached yet; retrySeconds 0 gives no advice.
func TooLargeResourceVersion(wanted, current uint64, retrySeconds int) error {
	err := apierrors.NewTimeoutError(fmt.Sprintf("Too large resource version: %d, current: %d", wanted, current), retrySeconds)
	err.ErrStatus.Details.Causes = []metav1.StatusCause{{
		Type: metav1.CauseTypeResourceVersionTooLarge, Message: "Too large resource version",
	}}
	return err
}

// IsTooLargeResourceVersion recognises TooLargeResourceVersion.
func IsTooLargeResourceVersion(err error) bool {
	return apierrors.IsTimeout(err) && apierrors.HasStatusCause(err, metav1.CauseTypeResourceVersionTooLarge)
}
