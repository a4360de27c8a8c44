import { onEveryBroker } from "./every-broker.ts";
import { fairnessSuite } from "./fairness-suite.ts";
import { placesSuite } from "./places-suite.ts";
import { ratesSuite } from "./rates-suite.ts";

onEveryBroker("rates", (title, make) => {
  ratesSuite(title, make);
  placesSuite(title, make);
  fairnessSuite(title, make);
});
