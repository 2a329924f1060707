/**
 * The first thing that runs: asks the server for what the page will show, and
 * only then runs the page itself, so that both happen at the same time.
 */
import { askAhead } from './ahead.ts';
import './look.css';

askAhead(localStorage, location.hash);
void import('./page.ts');
