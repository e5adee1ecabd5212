export function refresh() {}
