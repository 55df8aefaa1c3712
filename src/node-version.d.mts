/** What to say about a version such as "20.1.0", or undefined when it will do. */
export function nodeVersionProblem(version: string): string | undefined
