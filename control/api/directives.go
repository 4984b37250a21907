package api

// Accepted is a directive that was accepted. What becomes of it is told by
// events.
type Accepted struct {
	Index           int    `json:"index" doc:"Its place in the delivery, from 0."`
	Name            string `json:"name" example:"MakeCall"`
	MessageID       string `json:"messageId" example:"m1"`
	DialogRequestID string `json:"dialogRequestId" example:"d1"`
}

// Refused is a directive that was refused and had no effect.
type Refused struct {
	Index     int    `json:"index" doc:"Its place in the delivery, from 0."`
	Name      string `json:"name,omitempty" doc:"Empty when it could not be read." example:"MakeCall"`
	MessageID string `json:"messageId,omitempty" example:"m1"`
	Field     string `json:"field,omitempty" doc:"The field that is wrong, if it is one." example:"payload.recipient.name"`
	Reason    string `json:"reason" example:"is empty"`
}

// Receipt answers a delivery of directives that were all accepted.
type Receipt struct {
	Accepted []Accepted `json:"accepted" nullable:"false" doc:"In the order of the delivery."`
}
