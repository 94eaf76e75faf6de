// The dialogs that any value on any screen may open: they stand in the shell, once.
export const asked = $state<{ indicator: { value: string; kind?: string } | null }>({ indicator: null });
