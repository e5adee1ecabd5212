export function offerExplanation() {}
