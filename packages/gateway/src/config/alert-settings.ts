/** Where alerts are posted; from `alerts.webhook` in turnpike.yaml. */
export interface AlertWebhook {
  readonly url: string;
  readonly secret: string | undefined;
  readonly headers: Readonly<Record<string, string>>;
}
