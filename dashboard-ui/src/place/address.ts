/**
 * Path and query as the browser has them. wouter decodes both before it hands them out: a "\" in a name would lead elsewhere with the next
 * change of the query, and "%41" would be read as "A". So what it reads here has each % encoded once more.
 */

import type { BaseLocationHook, BaseSearchHook } from "wouter";
import { navigate, usePathname, useSearch } from "wouter/use-browser-location";

const encodedOnceMore = (text: string): string => text.replaceAll("%", "%25");

export const useAddress: BaseLocationHook = () => [encodedOnceMore(usePathname()), navigate];

export const useQueryText: BaseSearchHook = () => encodedOnceMore(useSearch());
